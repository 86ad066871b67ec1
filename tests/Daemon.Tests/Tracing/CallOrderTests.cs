using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>
/// The order of the system calls that make a backend, as QEMU 11.1.3's: first the file with everything that belongs to it, then a reserved
/// range, the mapping inside it, what is too much given back, advice, the nodes, and last the pages.
/// </summary>
public sealed class CallOrderTests
{
    private const string Bound = "\"policy\": \"bind\", \"host-nodes\": [0], \"prealloc\": true";

    private const string Descriptor = "descriptor, close-on-exec";

    private static readonly string[] Bind = ["madvise", "mbind", "populate"];

    [StraceFact]
    public Task Ram() => TraceAsync("memory-backend-ram", Bound, ["reserve", "map private", "trim", .. Bind]);

    [StraceFact]
    public Task Shared_ram() =>
        TraceAsync("memory-backend-ram", "\"share\": true, " + Bound, [Descriptor, "size", "reserve", "map shared", "trim", .. Bind]);

    [StraceFact]
    public Task Memfd() => TraceAsync("memory-backend-memfd", Bound, [Descriptor, "size", "seals", "reserve", "map shared", "trim", .. Bind]);

    [StraceFact]
    public Task Memfd_without_seals() =>
        TraceAsync("memory-backend-memfd", "\"seal\": false, " + Bound, [Descriptor, "size", "reserve", "map shared", "trim", .. Bind]);

    [StraceFact]
    public Task Private_memfd() =>
        TraceAsync("memory-backend-memfd", "\"share\": false, " + Bound, [Descriptor, "size", "seals", "reserve", "map private", "trim", .. Bind]);

    [StraceFact]
    public Task New_file() => TraceAsync(
        "memory-backend-file",
        "\"mem-path\": \"{dir}/new\", \"share\": true, " + Bound,
        [Descriptor, "size", "reserve", "map shared", "trim", .. Bind]);

    [StraceFact]
    public Task File_that_is_there() => TraceAsync(
        "memory-backend-file", "\"mem-path\": \"{dir}/kept\", " + Bound, [Descriptor, "reserve", "map private", "trim", .. Bind]);

    [StraceFact]
    public Task Anonymous_file_in_a_folder() => TraceAsync(
        "memory-backend-file", "\"mem-path\": \"{dir}\", " + Bound, [Descriptor, "unlink", "size", "reserve", "map private", "trim", .. Bind]);

    [StraceFact]
    public Task Shm() =>
        TraceAsync("memory-backend-shm", Bound, [Descriptor, "unlink", "size", "reserve", "map shared", "trim", .. Bind]);

    [StraceFact(NeedsKvm = true)]
    public Task Guest_memfd_bound_by_descriptor() => TraceAsync(
        "memory-backend-guest-memfd",
        "\"prealloc\": true",
        ["guest_memfd", "close-on-exec", "reserve", "map shared", "trim", "madvise", "populate"]);

    /// <summary>Without a policy: not every kernel binds a guest_memfd.</summary>
    [StraceFact(NeedsKvm = true)]
    public Task Guest_memfd() => TraceAsync(
        "memory-backend-memfd",
        "\"guest-memfd\": true, \"prealloc\": true",
        ["guest_memfd", "close-on-exec", "reserve", "map shared", "trim", "madvise", "populate"]);

    private static Task TraceAsync(string kind, string properties, string[] steps) => DaemonFixture.RunAsync(
        "-keep none",
        async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            var add = new FaultCase("", kind, properties);
            await client.ExchangeAsync(add.Request(daemon.Directory), """{"return": {}}""");
            await client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "m"}}""", """{"return": {}}""");
            File.Delete(Path.Combine(daemon.Directory, FaultCase.NewFile));
            await using var strace = await Strace.AttachAsync(daemon.Pid);
            await client.ExchangeAsync(add.Request(daemon.Directory), """{"return": {}}""");
            var trace = new BackendTrace(await strace.DetachAsync(), add.Size);

            Assert.Equal(steps, trace.Steps);
            Assert.Equal(add.Size, trace.PopulatedBytes);
            // The memory and the guard page behind it.
            Assert.Equal(add.Size + 4096, trace.NotUnmapped);
        },
        quiet: true);
}
