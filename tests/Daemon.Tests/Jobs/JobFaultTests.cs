using Hostmemd.Populate;
using Xunit;

namespace Hostmemd.Daemon.Tests.Jobs;

/// <summary>What can go wrong with a job, by a kernel that makes it go wrong: it concludes with the reason, and nothing else is lost.</summary>
public sealed class JobFaultTests : IAsyncLifetime
{
    private const long Size = 32 << 20;
    private const string Failed = "qemu_prealloc_mem: preallocating memory failed: ";

    private readonly FakeKernel _kernel = new();
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;
    private int _descriptors;

    public async Task InitializeAsync()
    {
        _guest = await InProcessGuest.StartAsync(_kernel, "-accel none");
        _client = await _guest.ConnectAsync();
        await _client.AddMemfdAsync("m", Size);
        _descriptors = _kernel.OpenDescriptors;
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Done, 0, Size));
            return new ProcessEnd(0, null);
        };
    }

    public async Task DisposeAsync() => await _guest.DisposeAsync();

    [Theory]
    [InlineData("Socketpair", Errno.EMFILE, "Too many open files; the process that populates could not be started")]
    [InlineData("Spawn", Errno.EAGAIN, "Resource temporarily unavailable; the process that populates could not be started")]
    public async Task A_helper_that_cannot_be_started(string call, int errno, string text)
    {
        _kernel.FailAt(call, 1, errno);
        await FailsAsync(Failed + text, 0);
    }

    [Fact]
    public async Task Memory_that_runs_out()
    {
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Progress, 0, Size / 2));
            write(Report(PopulateReportKind.Failed, Errno.ENOMEM, (ulong)PopulateStep.Populate));
            return new ProcessEnd(2, null);
        };
        await FailsAsync(Failed + "Cannot allocate memory", Size / 2);
    }

    [Fact]
    public async Task A_helper_that_is_killed()
    {
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Progress, 0, Size / 4));
            return new ProcessEnd(null, 9);
        };
        await FailsAsync(Failed + "the process that populates was killed (signal 9), as happens when the host runs out of memory", Size / 4);
    }

    [Fact]
    public async Task A_broken_page_which_is_told_to_everybody_too()
    {
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Failed, Errno.EHWPOISON, (ulong)PopulateStep.Populate));
            return new ProcessEnd(2, null);
        };
        await FailsAsync(Failed + "Memory page has hardware error", 0, """{"timestamp": "$timestamp", "event": "MEMORY_FAILURE", "data": "$any"}""");
    }

    [Fact]
    public async Task Memory_that_runs_out_in_this_process()
    {
        await _client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-ram", "id": "r", "size": 8388608}}""", JobClient.Done);
        _kernel.FailAt("Madvise", 4, Errno.ENOMEM);

        await _client.StartJobAsync("j", "r");
        await _client.ExpectStatesAsync("j", "aborting", "concluded");

        Assert.Equal(Failed + "Cannot allocate memory", (await _client.JobAsync("j")).GetProperty("error").GetString());
        await _client.VerbAsync("dismiss", "j", "null");
        await _client.StartJobAsync("j", "r");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");
    }

    [Fact]
    public async Task A_helper_that_does_not_stop_when_it_is_told_to_is_killed()
    {
        _kernel.Child = (_, write, killed) =>
        {
            write(Report(PopulateReportKind.Progress, 0, Size / 2));
            killed.WaitHandle.WaitOne();
            return new ProcessEnd(0, null);
        };
        await _client.StartJobAsync("j", "m");
        await _client.ProgressedAsync("j");

        await _client.VerbAsync("cancel", "j", "aborting", "concluded");

        var info = await _client.JobAsync("j");
        Assert.Equal((Size / 2, "Operation canceled"), (info.Progress(), info.GetProperty("error").GetString()));
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task With_auto_dismiss_a_job_that_failed_is_gone_too()
    {
        _kernel.FailAt("Spawn", 1, Errno.ENOMEM);

        await _client.StartJobAsync("j", "m", ", \"auto-dismiss\": true");
        await _client.ExpectStatesAsync("j", "aborting", "concluded", "null");

        await _client.ExchangeAsync("""{"execute": "query-jobs"}""", """{"return": []}""");
    }

    private static byte[] Report(PopulateReportKind kind, int errno, ulong value)
    {
        var bytes = new byte[PopulateReport.Size];
        new PopulateReport(kind, errno, value).Write(bytes);
        return bytes;
    }

    /// <summary>The job concludes with this text; its backend is as before, and a second job does it.</summary>
    private async Task FailsAsync(string text, long progress, string? before = null)
    {
        var well = _kernel.Child;
        await _client.StartJobAsync("j", "m");
        if (before is not null)
            await _client.ExpectAsync(before);
        await _client.ExpectStatesAsync("j", "aborting", "concluded");

        var info = await _client.JobAsync("j");
        Assert.Equal((text, progress), (info.GetProperty("error").GetString(), info.Progress()));
        Assert.False(await _client.IsPreallocAsync("m"));
        await NothingIsLeftAsync();
        await _client.VerbAsync("dismiss", "j", "null");
        _kernel.Child = (_, write, _) =>
        {
            write(Report(PopulateReportKind.Done, 0, Size));
            return new ProcessEnd(0, null);
        };
        await _client.StartJobAsync("j", "m");
        await _client.ExpectStatesAsync("j", "waiting", "pending", "concluded");
        Assert.True(await _client.IsPreallocAsync("m"));
    }

    /// <summary>Neither a process nor a descriptor that was not there before the job, and memory can be made and go.</summary>
    private async Task NothingIsLeftAsync()
    {
        await Eventually.TrueAsync(() => _kernel.Zombies == 0, () => "a process is left");
        await Eventually.TrueAsync(() => _kernel.OpenDescriptors == _descriptors, () => $"{_kernel.OpenDescriptors} descriptors are open");
        await _client.AddMemfdAsync("other", 4096);
        await _client.ExchangeAsync("""{"execute": "object-del", "arguments": {"id": "other"}}""", JobClient.Done);
    }
}
