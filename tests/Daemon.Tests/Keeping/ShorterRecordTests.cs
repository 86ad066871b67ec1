using Hostmemd.Keeping;
using Hostmemd.Objects;
using Xunit;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>A long record is made shorter while changes go on: nobody waits for it, and at each moment it says what the guest has.</summary>
public sealed class ShorterRecordTests : IAsyncLifetime, IDisposable
{
    private const int Backends = 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _directory = Directory.CreateTempSubdirectory("hostmemd-").FullName;
    private readonly FailingKernel _kernel = new(new LinuxKernel());
    private readonly ManualResetEventSlim _gate = new();
    private KeepRecord _record = null!;
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;
    private Task _others = Task.CompletedTask;

    private KeepPaths Paths => new(_directory + "/qmp");

    private long Length => new FileInfo(Paths.Record).Length;

    public async Task InitializeAsync()
    {
        _record = KeepRecord.TryOpen(_kernel, Paths)!;
        _guest = await InProcessGuest.StartAsync(_kernel, "-accel none", keep: new KeepOptions(Paths, _record, null, null));
        await _guest.Guest.Kept.BeginAsync(null, []);
        _client = await _guest.ConnectAsync();
        for (var i = 0; i < Backends; i++)
            await AddAsync($"m{i}");
    }

    public async Task DisposeAsync()
    {
        _gate.Set();
        await _others;
        await _client.DisposeAsync();
        await _guest.Guest.Kept.EndAsync();
        await _guest.DisposeAsync();
        _record.Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
        Directory.Delete(_directory);
    }

    public void Dispose() => _gate.Dispose();

    [Fact]
    public async Task Changes_are_answered_and_written_while_it_is_made()
    {
        TakeAllTurns();
        FillWithHistory();
        Assert.True(File.Exists(Paths.NewRecord));
        await AddAsync("during");
        await _client.AskAsync("""{"execute": "object-del", "arguments": {"id": "m0"}}""");
        AssertTrue();
        Assert.True(Length > 1 << 20);
        _gate.Set();
        await Eventually.TrueAsync(() => Length < 64 << 10, () => $"{Length} bytes");
        AssertTrue();
        Assert.False(File.Exists(Paths.NewRecord));
        // It goes on, and is this daemon's still.
        await AddAsync("after");
        AssertTrue();
        Assert.Null(KeepRecord.TryOpen(_kernel, Paths));
    }

    /// <param name="call">The write, the lock or the new name.</param>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Where_it_cannot_be_made_the_record_grows_on_and_is_true(int call)
    {
        TakeAllTurns();
        FillWithHistory();
        _kernel.FailAt(call);
        _gate.Set();
        await Eventually.TrueAsync(() => _kernel.HasFailed && !File.Exists(Paths.NewRecord), () => "the copy is still there");
        var failed = Length;
        Assert.True(failed > 1 << 20);
        AssertTrue();
        await Eventually.TrueAsync(() => _guest.Sink.Warnings.Any(text => text.Contains("cannot be made shorter", StringComparison.Ordinal)), () => "no warning");
        // Not with each change: when it has doubled.
        await AddAsync("after");
        Assert.False(File.Exists(Paths.NewRecord));
        FillWithHistory();
        await Eventually.TrueAsync(() => Length < 64 << 10, () => $"{Length} bytes");
        AssertTrue();
    }

    [Fact]
    public async Task A_copy_that_fails_for_whatever_reason_is_dropped()
    {
        _guest.Guest.Owned(_ => ShorterRecord.Begin(_guest.Guest, _record, [], [], Failing()));
        await Eventually.TrueAsync(() => !File.Exists(Paths.NewRecord), () => "the copy is still there");
        await AddAsync("after");
        AssertTrue();
        FillWithHistory();
        await Eventually.TrueAsync(() => Length < 64 << 10, () => $"{Length} bytes");
        AssertTrue();

        static IEnumerable<KeptObject> Failing() => Enumerable.Range(0, 1).Select<int, KeptObject>(_ => throw new InvalidOperationException("changed"));
    }

    [Fact]
    public async Task It_is_given_up_while_another_program_takes_over()
    {
        TakeAllTurns();
        FillWithHistory();
        await _guest.Guest.Kept.PauseAsync();
        Assert.False(File.Exists(Paths.NewRecord));
        await AddAsync("meanwhile");
        Assert.False(File.Exists(Paths.NewRecord));
        _gate.Set();
        await _others;
        Assert.True(Length > 1 << 20);
        AssertTrue();
        await _guest.Guest.Kept.ResumeAsync();
        await AddAsync("after");
        await Eventually.TrueAsync(() => Length < 64 << 10, () => $"{Length} bytes");
        AssertTrue();
    }

    [Fact]
    public async Task The_end_comes_while_it_is_made()
    {
        TakeAllTurns();
        FillWithHistory();
        await _guest.Guest.Kept.EndAsync();
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
        _gate.Set();
        await _others;
    }

    /// <summary>Nothing slow begins until the gate is open.</summary>
    private void TakeAllTurns() => _others = Task.WhenAll(Enumerable.Range(0, SlowWork.AtOnce)
        .Select(_ => _guest.Guest.SlowWork.RunAsync(new WorkOwner(), () => _gate.Wait(Patience))));

    /// <summary>Until it is time to drop it.</summary>
    private void FillWithHistory()
    {
        for (var lines = 0; !File.Exists(Paths.NewRecord); lines++)
        {
            Assert.InRange(lines, 0, 20_000);
            _guest.Guest.Owned(state => _guest.Guest.Kept.Write("m1", state));
        }
    }

    private async Task AddAsync(string id) => Assert.True((await _client.AskAsync(
        $$$"""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": 4096}}"""))
        .TryGetProperty("return", out _));

    private void AssertTrue() => _guest.Guest.Owned(state => Assert.Equal(
        state.Backends.Keys.Order(StringComparer.Ordinal), _record.Read().Objects.Select(kept => kept.Options.Id).Order(StringComparer.Ordinal)));
}
