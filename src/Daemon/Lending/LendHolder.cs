using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Hostmemd.Kvm;
using Hostmemd.Kvm.Native;
using Hostmemd.Populate;
using Hostmemd.Startup;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Lending;

/// <summary>The process of another user that has the memory open for that user's VMMs (<see cref="LendHolderMode"/>). Safe on any thread.</summary>
internal sealed class LendHolder : IDisposable
{
    private const int Kill = 9;

    private readonly Lock _gate = new();
    private readonly IKernel _kernel;
    private readonly SafeFileHandle _socket;
    private readonly ProcessFd _process;

    private LendHolder(IKernel kernel, SafeFileHandle socket, ProcessFd process) => (_kernel, _socket, _process) = (kernel, socket, process);

    public int Pid => _process.Pid;

    /// <summary>Starts the process and waits until it is that user's. On a thread that may wait.</summary>
    /// <exception cref="KernelException">It cannot be started, or not become that user.</exception>
    public static LendHolder Start(IKernel kernel, HelperProgram program, uint user, uint group)
    {
        var (ours, theirs) = kernel.Socketpair();
        ProcessFd process;
        try
        {
            process = kernel.Spawn(new SpawnOptions
            {
                Program = program.Path,
                Arguments = program.CommandLine(
                    ProcessName.LendHolder,
                    [LendHolderMode.Name, user.ToString(CultureInfo.InvariantCulture), group.ToString(CultureInfo.InvariantCulture)]),
                Environment = HelperProgram.EnvironmentOfHelper(),
                Descriptors = [theirs, theirs],
            });
        }
        catch
        {
            ours.Dispose();
            throw;
        }
        finally
        {
            theirs.Dispose();
        }
        var holder = new LendHolder(kernel, ours, process);
        try
        {
            holder.Receive();
            return holder;
        }
        catch
        {
            holder.Dispose();
            throw;
        }
    }

    /// <summary>Gives it a file to keep open.</summary>
    /// <returns>Where the user's processes open it.</returns>
    /// <exception cref="KernelException">It is gone.</exception>
    public string Keep(SafeHandle file)
    {
        lock (_gate)
        {
            if (SocketMessages.Send(_socket, Message(LendHolderMode.Keep, 0), file) != LendHolderMode.MessageSize)
                throw new KernelException("sendmsg", Errno.EAGAIN);
            return string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Pid}/fd/{Receive()}");
        }
    }

    /// <summary>Has it close a file again.</summary>
    /// <param name="path">As <see cref="Keep"/> gave it.</param>
    /// <exception cref="KernelException">It is gone.</exception>
    public void Release(string path)
    {
        var number = int.Parse(path[(path.LastIndexOf('/') + 1)..], CultureInfo.InvariantCulture);
        lock (_gate)
            _kernel.Write(_socket, Message(LendHolderMode.Release, number));
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        try
        {
            _kernel.SendSignal(_process, Kill);
            _kernel.WaitFor(_process);
        }
        catch (KernelException)
        {
            // It has ended already.
        }
        _process.Dispose();
    }

    private static byte[] Message(byte what, int number)
    {
        var message = new byte[LendHolderMode.MessageSize];
        message[0] = what;
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(1), number);
        return message;
    }

    private int Receive()
    {
        var answer = new byte[sizeof(int)];
        if (_kernel.Read(_socket, answer) != answer.Length)
            throw new KernelException("read", Errno.EPIPE);
        var number = BinaryPrimitives.ReadInt32LittleEndian(answer);
        return number >= 0 ? number : throw new KernelException("setresuid", -number);
    }
}
