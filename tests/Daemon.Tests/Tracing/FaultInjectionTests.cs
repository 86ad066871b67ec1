using System.Diagnostics;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>
/// Fails system calls of the real program in turn, by strace. Each time the client is told why, descriptors, mappings, ids and queries are
/// as before, and the same object-add then works. One errno a call; HOSTMEMD_LONG=1 takes them all.
/// </summary>
public sealed class FaultInjectionTests(ITestOutputHelper output)
{
    private const string Bound = "\"policy\": \"bind\", \"host-nodes\": [0]";

    /// <summary>Failing a call of the runtime by mistake can end the daemon; it is then started again.</summary>
    private const int MostStarts = 10;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("HOSTMEMD_LONG") == "1";

    private static readonly int[] Errnos = [Errno.ENOMEM, Errno.ENOSPC, Errno.EPERM, Errno.EMFILE, Errno.EINTR];

    [StraceFact]
    public Task Ram() => FailEachCallAsync(new("ram", "memory-backend-ram", Bound));

    [StraceFact]
    public Task Shared_ram() => FailEachCallAsync(new("shared ram", "memory-backend-ram", "\"share\": true, " + Bound));

    [StraceFact]
    public Task Memfd() => FailEachCallAsync(new("memfd", "memory-backend-memfd", Bound));

    [StraceFact]
    public Task Memfd_without_merge_and_reserve() =>
        FailEachCallAsync(
            new("plain memfd", "memory-backend-memfd", "\"merge\": false, \"reserve\": false, \"seal\": false, \"share\": false"));

    [StraceFact(NeedsKvm = true)]
    public Task Guest_memfd() => FailEachCallAsync(new("guest_memfd", "memory-backend-memfd", "\"guest-memfd\": true"));

    [StraceFact]
    public Task New_file() =>
        FailEachCallAsync(new("new file", "memory-backend-file", "\"mem-path\": \"{dir}/new\", \"share\": true, " + Bound));

    [StraceFact]
    public Task File_that_is_there() =>
        FailEachCallAsync(new("existing file", "memory-backend-file", "\"mem-path\": \"{dir}/kept\", " + Bound));

    [StraceFact]
    public Task Anonymous_file_in_a_folder() =>
        FailEachCallAsync(new("file in a folder", "memory-backend-file", "\"mem-path\": \"{dir}\", " + Bound));

    [StraceFact]
    public Task Shm() => FailEachCallAsync(new("shm", "memory-backend-shm", Bound));

    [StraceFact(NeedsKvm = true)]
    public Task Guest_memfd_bound_by_descriptor() => FailEachCallAsync(new("guest_memfd by fd", "memory-backend-guest-memfd", "\"merge\": false"));

    /// <summary>
    /// More chunks than there are other calls of madvise: then a place can be named that only the populating thread reaches.
    /// </summary>
    [StraceTheory]
    [InlineData("memory-backend-ram")]
    [InlineData("memory-backend-memfd")]
    public Task Populating(string kind) => FailEachCallAsync(
        new("populating " + kind, kind, "\"prealloc\": true") { Size = (48 << 20) + (5 * 4096) },
        call => call.Says("MADV_POPULATE_WRITE"),
        Errno.ENOMEM,
        Errno.EINTR);

    private async Task FailEachCallAsync(FaultCase fault, Func<TraceCall, bool>? which = null, params int[] errnos)
    {
        Queue<(string Call, int Errno)>? cases = null;
        var (count, repeated) = (0, 0);
        var clock = Stopwatch.StartNew();
        for (var started = 0; cases is not { Count: 0 }; started++)
        {
            Assert.InRange(started, 0, MostStarts);
            await DaemonFixture.RunAsync(
                "-keep none",
                async daemon =>
                {
                    await using var client = await daemon.ConnectAsync();
                    var run = new FaultRun(daemon, client, fault);
                    var calls = (await run.RehearseAsync()).Where(which ?? (_ => true)).Select(FaultRun.Kind).Distinct().ToList();
                    cases ??= new(Cases(calls, errnos is [] ? Errnos : errnos));
                    count = Math.Max(count, cases.Count);
                    while (cases.Count > 0 && await run.FailAsync(cases.Peek().Call, cases.Peek().Errno))
                        cases.Dequeue();
                    repeated += run.Repeated;
                },
                quiet: true);
        }
        Assert.NotEqual(0, count);
        output.WriteLine($"{fault.Name}: {count} cases, {clock.Elapsed.TotalMilliseconds / count:0} ms each, {repeated} repeated");
    }

    private static IEnumerable<(string Call, int Errno)> Cases(IReadOnlyList<string> calls, int[] errnos) => IsLong
        ? calls.SelectMany(call => errnos.Select(errno => (call, errno)))
        : calls.Select((call, index) => (call, errnos[index % errnos.Length]));
}
