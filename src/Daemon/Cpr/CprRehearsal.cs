using System.Net.Sockets;
using System.Text;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Cpr;

/// <summary>
/// Asks the next program, before anything is stopped, whether it would take over with that command line: it starts, looks at its options,
/// answers and ends. A wrong path, a wrong option and a program that is no hostmemd cost the guest nothing.
/// </summary>
internal static class CprRehearsal
{
    /// <summary>A program that starts on a busy host; one that does not end is killed. Nobody stands still meanwhile.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const int Kill = 9;

    /// <param name="patience">How long it may take; half a minute when not given.</param>
    /// <exception cref="QmpException">It would not; why.</exception>
    public static async Task AskAsync(IKernel kernel, IReadOnlyList<string> command, TimeSpan? patience = null)
    {
        try
        {
            var (ours, theirs) = kernel.Socketpair();
            using var socket = new Socket(new SafeSocketHandle(ours.DangerousGetHandle(), ownsHandle: true));
            ours.SetHandleAsInvalid();
            using var child = Start(kernel, command, theirs);
            var answer = await ReadAsync(socket, patience ?? Patience).ConfigureAwait(false);
            End(kernel, child);
            if (answer is null || !answer.Contains(Handover.Answer, StringComparison.Ordinal))
                throw Refusal(command, answer switch { null => "it does not answer", "" => "it is no hostmemd", _ => answer.Trim().Split('\n')[0] });
        }
        catch (KernelException e)
        {
            throw Refusal(command, Errno.Text(e.Errno));
        }
    }

    public static QmpException Refusal(IReadOnlyList<string> command, string reason) =>
        new($"cpr-exec-command: '{command[0]}' cannot take over: {reason}");

    /// <summary>It has said what it had to say, and nobody waits for more.</summary>
    private static void End(IKernel kernel, ProcessFd child)
    {
        try
        {
            kernel.SendSignal(child, Kill);
        }
        catch (KernelException)
        {
            // ESRCH: it has ended already.
        }
        kernel.WaitFor(child);
    }

    private static ProcessFd Start(IKernel kernel, IReadOnlyList<string> command, SafeFileHandle output)
    {
        using (output)
        {
            using var nothing = kernel.Open("/dev/null", OpenFlags.ReadWrite, 0);
            return kernel.Spawn(new SpawnOptions
            {
                Program = ProgramStart.Find(command[0]),
                Arguments = command,
                Environment = [.. ProgramStart.Variables(), $"{Handover.Variable}={Handover.Question}"],
                Descriptors = [nothing, output, output],
            });
        }
    }

    /// <returns>All that it said; null: it did not end.</returns>
    private static async Task<string?> ReadAsync(Socket socket, TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        var said = new byte[4096];
        var length = 0;
        try
        {
            while (length < said.Length
                && await socket.ReceiveAsync(said.AsMemory(length), SocketFlags.None, limit.Token).ConfigureAwait(false) is var count and > 0)
                length += count;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (SocketException)
        {
            // ECONNRESET: an end as well.
        }
        return Encoding.UTF8.GetString(said, 0, length);
    }
}
