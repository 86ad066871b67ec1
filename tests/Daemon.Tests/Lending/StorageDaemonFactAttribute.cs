using System.Diagnostics;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>A test with a real qemu-storage-daemon, or the command that HOSTMEMD_STORAGE_DAEMON gives; skipped with the reason where there is none.</summary>
public sealed class StorageDaemonFactAttribute : FactAttribute
{
    private static readonly string[] Words =
        (Environment.GetEnvironmentVariable("HOSTMEMD_STORAGE_DAEMON") ?? "qemu-storage-daemon").Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private static readonly string? Reason = QemuFactAttribute.Try(Words);

    private readonly bool _needsKvm;

    public StorageDaemonFactAttribute() => Skip = Reason;

    /// <summary>Needs guest_memfd.</summary>
    public bool NeedsKvm
    {
        get => _needsKvm;
        init
        {
            _needsKvm = value;
            Skip = value ? Reason ?? new KvmFactAttribute().Skip : Reason;
        }
    }

    /// <summary>Serves an image as vhost-user-blk on a socket.</summary>
    public static Process Start(string image, string socket) => Process.Start(new ProcessStartInfo(
        Words[0],
        [
            .. Words[1..], "--blockdev", $"driver=file,node-name=image,filename={image},locking=off,auto-read-only=off",
            "--export", $"type=vhost-user-blk,id=export,node-name=image,addr.type=unix,addr.path={socket},writable=on",
        ]))!;
}
