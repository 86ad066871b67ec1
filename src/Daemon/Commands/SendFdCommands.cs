using System.Runtime.InteropServices;
using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Sessions;
using Hostmemd.Usage;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Commands;

/// <summary>Descriptors of guest memory, handed out.</summary>
internal static class SendFdCommands
{
    private static readonly (FileSeals Seal, string Name)[] SealNames =
    [
        (FileSeals.Seal, "seal"), (FileSeals.Shrink, "shrink"), (FileSeals.Grow, "grow"),
        (FileSeals.Write, "write"), (FileSeals.FutureWrite, "future-write"), (FileSeals.Exec, "exec"),
    ];

    /// <exception cref="QmpException">There is nothing to send, or no way to send it.</exception>
    public static MemoryBackendFd SendFd(Client client, MemoryBackendSendFdArguments arguments)
    {
        var (backend, properties) = BackendLookup.Find(client.Guest, client.Pin(), arguments.Memdev);
        if (!client.Session.CanAttach)
            throw new QmpException("A descriptor can be sent over a Unix socket only, connect to one");
        if (backend.File is not { Handle: var file, Offset: var offset })
            throw new QmpException($"Memory backend '{backend.Id}' is private anonymous memory and has no descriptor, use 'share=on'");
        SafeFileHandle? copy = null;
        try
        {
            MemoryFile described = null!;
            FileSeals seals = default;
            // Else the file could be closed meanwhile.
            backend.WhileOpen(() =>
            {
                described = MemoryFile.Of(client.Guest.Kernel, file);
                seals = SealsOf(client.Guest.Kernel, file, described.Type);
                copy = client.Guest.Kernel.Duplicate(file);
            });
            var reply = new MemoryBackendFd
            {
                Memdev = backend.QomPath,
                FdType = described.Type,
                Offset = offset,
                Size = backend.Memory.Size,
                PageSize = described.PageSize,
                Share = properties.Share == true,
                Seals = [.. SealNames.Where(known => seals.HasFlag(known.Seal)).Select(known => known.Name)],
                // What is mapped here can be mapped.
                Mappable = true,
                Reopenable = described.Type != MemoryFdType.GuestMemfd,
            };
            client.Session.Attach(copy!);
            copy = null;
            if (client.FindPeer(MemoryLoanMethod.Descriptor) is { } peer)
                client.Guest.Lending.Ledger.Hold(backend, peer.Borrower, peer.Process);
            return reply;
        }
        catch (KernelException e)
        {
            throw new QmpException($"cannot hand out a descriptor of memory backend '{backend.Id}': {Errno.Text(e.Errno)}");
        }
        finally
        {
            copy?.Dispose();
        }
    }

    /// <summary>Files other than memfds and those of tmpfs and hugetlbfs know no seals.</summary>
    private static FileSeals SealsOf(IKernel kernel, SafeHandle file, MemoryFdType type)
    {
        try
        {
            return type == MemoryFdType.GuestMemfd ? FileSeals.None : kernel.GetSeals(file);
        }
        catch (KernelException e) when (e.Errno == Errno.EINVAL)
        {
            return FileSeals.None;
        }
    }
}
