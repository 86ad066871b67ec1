using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;
using Hostmemd.QmpShell.Native;

namespace Hostmemd.QmpShell.Wrap;

/// <summary>A QMP server that we started, on a socket in a folder of its own; both are gone when it is disposed.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan ConnectDeadline = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ConnectRetry = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan ExitDeadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LogDeadline = TimeSpan.FromSeconds(1);

    private readonly ScratchDirectory _directory;
    private readonly Process _process;
    private readonly ServerLog _log = new();

    private ServerProcess(ScratchDirectory directory, Process process)
    {
        _directory = directory;
        _process = process;
    }

    /// <summary>What the server printed.</summary>
    public string Log => _log.Text;

    /// <summary>Where the server listens, sooner or later.</summary>
    public string SocketPath => _directory.SocketPath;

    /// <summary>Starts the program with <c>-qmp unix:…</c> added; the folder becomes the server's.</summary>
    /// <exception cref="ServerException">The program cannot be run.</exception>
    public static ServerProcess Start(string program, IEnumerable<string> arguments, ScratchDirectory directory)
    {
        string qmp = $"unix:{directory.SocketPath},server=on,wait=off";
        var start = new ProcessStartInfo(program, [.. arguments, "-qmp", qmp])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var server = new ServerProcess(directory, new Process { StartInfo = start });
        try
        {
            server.Start();
            return server;
        }
        catch (Win32Exception e)
        {
            directory.Dispose();
            throw new ServerException($"cannot run {program}: {e.Message}", e);
        }
    }

    /// <summary>Opens a connection, waiting for a server that does not listen yet.</summary>
    /// <exception cref="ServerException">The server ended, or never listened.</exception>
    public async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        var elapsed = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return await QmpSocket.ConnectAsync(_directory.SocketPath, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e) when (elapsed.Elapsed > ConnectDeadline)
            {
                throw new ServerException($"cannot connect to {_directory.SocketPath}: {e.Message}\n{Log}".TrimEnd(), e);
            }
            catch (SocketException) when (!_process.HasExited)
            {
                await Task.Delay(ConnectRetry, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e)
            {
                await ExitsAsync(LogDeadline).ConfigureAwait(false);
                throw new ServerException($"the server exited with status {_process.ExitCode}: {Log}".TrimEnd(), e);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Signal.Terminate(_process);
        if (!await ExitsAsync(ExitDeadline).ConfigureAwait(false))
        {
            _process.Kill(entireProcessTree: true);
            await ExitsAsync(ExitDeadline).ConfigureAwait(false);
        }

        _process.Dispose();
        _directory.Dispose();
    }

    private void Start()
    {
        _process.OutputDataReceived += Print;
        _process.ErrorDataReceived += Print;
        _process.Start();
        _process.StandardInput.Close();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Print(object sender, DataReceivedEventArgs e)
        {
            if (e.Data is not null)
                _log.Add(e.Data);
        }
    }

    // The wait is for the end of both outputs too, which a child of the server may hold open.
    private async Task<bool> ExitsAsync(TimeSpan deadline)
    {
        using var limit = new CancellationTokenSource(deadline);
        try
        {
            await _process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return _process.HasExited;
        }
    }
}
