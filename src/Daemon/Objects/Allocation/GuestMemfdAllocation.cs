using Hostmemd.Api;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Objects.Allocation;

/// <summary>
/// A guest_memfd, made by the guest's own VM: memory-backend-memfd with guest-memfd=on, whose slots are registered by address, and
/// memory-backend-guest-memfd, whose slots are bound by descriptor.
/// </summary>
internal static class GuestMemfdAllocation
{
    /// <exception cref="QmpException">It cannot be had; nothing is left of it.</exception>
    public static async Task<MemoryBackend> AllocateAsync(Guest guest, ObjectOptions options)
    {
        var size = options.Backend!.Size;
        GuestMemfd file;
        try
        {
            file = await guest.Vm!.RunAsync(vm => vm.CreateGuestMemfd(size)).ConfigureAwait(false);
        }
        catch (KernelException e)
        {
            throw GuestMemfdErrors.CreateFailed(size, Errno.Text(e.Errno));
        }
        try
        {
            return BackendMapping.MapFile(guest, options, new BackingFile(file, 0, IsShared: true));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
