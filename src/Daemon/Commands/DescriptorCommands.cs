using Hostmemd.Api;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;
using Microsoft.Win32.SafeHandles;

namespace Hostmemd.Commands;

/// <summary>Descriptors that clients hand over (SCM_RIGHTS).</summary>
internal static class DescriptorCommands
{
    public static Nothing GetFd(Client client, FdNameArguments arguments)
    {
        var descriptor = Take(client);
        if (arguments.FdName.Length > 0 && char.IsAsciiDigit(arguments.FdName[0]))
        {
            descriptor.Dispose();
            throw ProtocolErrors.Expects("fdname", "a name not starting with a digit");
        }
        client.Guest.Descriptors.Set(arguments.FdName, descriptor);
        return Nothing.Value;
    }

    public static AddFdInfo AddFd(Client client, AddFdArguments arguments)
    {
        var descriptor = Take(client);
        if (arguments.FdSetId < 0)
        {
            descriptor.Dispose();
            throw ProtocolErrors.Expects("fdset-id", "a non-negative value");
        }
        return client.Guest.FdSets.Add(arguments.FdSetId, arguments.Opaque, descriptor);
    }

    public static Nothing RemoveFd(Client client, RemoveFdArguments arguments)
    {
        if (client.Guest.FdSets.Remove(arguments.FdSetId, arguments.Fd))
            return Nothing.Value;
        var descriptor = arguments.Fd is { } fd ? $", fd:{fd}" : "";
        throw NotFound($"fdset-id:{arguments.FdSetId}{descriptor}");
    }

    public static List<FdSetInfo> QueryFdSets(Client client) => client.Guest.FdSets.List();

    public static Nothing CloseFd(Client client, FdNameArguments arguments) =>
        client.Guest.Descriptors.Close(arguments.FdName)
            ? Nothing.Value
            : throw NotFound(arguments.FdName);

    /// <summary>
    /// The descriptor that came. What clients leave here has half of the limit of open files, so that memory and clients have the rest.
    /// </summary>
    private static SafeFileHandle Take(Client client)
    {
        var descriptor = client.TakeDescriptor() ?? throw new QmpException("No file descriptor supplied via SCM_RIGHTS");
        var guest = client.Guest;
        var limit = guest.Kernel.GetRlimit(ResourceKind.OpenFiles).Soft;
        if ((ulong)guest.FdSets.Count + (ulong)guest.Descriptors.Count < limit / 2)
            return descriptor;
        descriptor.Dispose();
        throw new QmpException(
            $"clients have left {limit / 2} file descriptors here, half of the limit of open files ({limit}); use 'remove-fd' or 'closefd'");
    }

    private static QmpException NotFound(string name) => new($"File descriptor named '{name}' not found");
}
