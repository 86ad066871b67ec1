using System.Net.Sockets;
using Hostmemd.Daemon.Tests.Processes;
using Tmds.Linux;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Daemon.Tests.Keeping;

/// <summary>
/// kill -9 at random points of random commands, of daemon, keeper and borrower, one or two of them. HOSTMEMD_LONG=1: 200 times instead of
/// 20; HOSTMEMD_SEED: the same run again.
/// </summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    private const string Options = "-machine q35 -m 0,slots=16,maxmem=8G";

    private enum Victims
    {
        Daemon,
        DaemonAndBorrower,
        DaemonAndKeeper,
        Keeper,
        Borrower,
    }

    [Fact]
    public async Task Every_answered_byte_id_and_property_is_there_after_every_crash()
    {
        var seed = CrashRounds.Seed(output);
        await using var folder = new KeptFolder();
        var run = new Run(folder, seed);
        try
        {
            for (var round = 0; round < CrashRounds.Count; round++)
                await run.RoundAsync();
        }
        catch (Exception e)
        {
            throw new Xunit.Sdk.XunitException($"HOSTMEMD_SEED={seed}, {run.Describe()}: {e}");
        }
        finally
        {
            await run.DisposeAsync();
        }
    }

    private sealed class Run(KeptFolder folder, int seed) : IAsyncDisposable
    {
        private readonly Random _random = new(seed);
        private readonly CrashModel _model = new(seed);
        private DaemonFixture? _daemon;
        private Borrowing? _borrower;
        private string? _borrowed;
        private int? _keeper;
        private Victims _victims;

        public async Task RoundAsync()
        {
            _daemon ??= await folder.StartAsync(Options);
            await using var client = await QmpClient.ConnectAsync(_daemon.Socket);
            await client.NegotiateAsync();
            await BorrowAsync(client);
            _keeper = KeptFolder.KeeperOf(_daemon) ?? _keeper;
            var victims = _victims = (Victims)_random.Next(Enum.GetValues<Victims>().Length);
            var killing = KillAsync(victims, TimeSpan.FromMilliseconds(_random.Next(80)));
            var isDaemonKilled = victims is Victims.Daemon or Victims.DaemonAndBorrower or Victims.DaemonAndKeeper;
            try
            {
                for (var steps = 0; isDaemonKilled || steps < 20 || !killing.IsCompleted; steps++)
                    await _model.StepAsync(client, _daemon, id => id == _borrowed);
            }
            catch (Exception e) when (isDaemonKilled && e is IOException or SocketException or KernelException)
            {
                // It died over that command.
            }
            await killing;
            await VerifyAsync(victims, isDaemonKilled, client);
        }

        public string Describe() => $"{_victims} killed, keeper {_keeper}, borrower {_borrower?.Process.Id} of {_borrowed}, the daemon's log:\n{_daemon?.Log}";

        public async ValueTask DisposeAsync()
        {
            if (_daemon is not null)
                await _daemon.DisposeAsync();
            _borrower?.Dispose();
        }

        private async Task VerifyAsync(Victims victims, bool isDaemonKilled, QmpClient client)
        {
            if (!isDaemonKilled)
            {
                if (_borrower is null)
                    await CrashModel.UntilNobodyBorrowsAsync(client);
                await _model.VerifyAsync(client, _daemon!, isSuccessor: false, _ => false);
                await Eventually.TrueAsync(IsKeeperComplete, () => "the keeper has everything");
                return;
            }
            await _daemon!.DisposeAsync();
            _daemon = await folder.StartAsync(Options);
            await using var after = await QmpClient.ConnectAsync(_daemon.Socket);
            await after.NegotiateAsync();
            if (_borrower is null)
                await CrashModel.UntilNobodyBorrowsAsync(after);
            await _model.VerifyAsync(after, _daemon, isSuccessor: true, id => victims == Victims.DaemonAndKeeper && (_borrower is null || id != _borrowed));
            if (_borrower is not null && victims != Victims.DaemonAndBorrower)
                Assert.False(_borrower.Process.HasExited);
            if (victims == Victims.DaemonAndKeeper)
                await Eventually.TrueAsync(IsKeeperComplete, () => "another keeper has everything");
        }

        private bool IsKeeperComplete()
        {
            _keeper = KeptFolder.KeeperOf(_daemon!) ?? _keeper;
            return _model.KeptCount == 0 || (_keeper is { } pid && KeptFolder.IsKeeper(pid)
                && ProcessResources.Count("/memfd:memory-backend-memfd", pid) + ProcessResources.Count("/dev/shm/hostmemd-", pid) == _model.KeptCount);
        }

        /// <summary>Another process has some memory open as a VMM would, and the daemon knows.</summary>
        private async Task BorrowAsync(QmpClient client)
        {
            if (_borrower is null)
                _borrowed = null;
            if (_borrower is not null || _model.AnyKept() is not { } id)
                return;
            (_borrower, _borrowed) = (new Borrowing(), id);
            await _borrower.OpenAsync(client, id);
        }

        private async Task KillAsync(Victims victims, TimeSpan delay)
        {
            await Task.Delay(delay);
            _keeper = KeptFolder.KeeperOf(_daemon!) ?? _keeper;
            // The daemon first: it would see the keeper's end, and start another.
            if (victims is Victims.Daemon or Victims.DaemonAndBorrower or Victims.DaemonAndKeeper)
                await _daemon!.CrashAsync();
            // There may be one that was started just now.
            if (victims == Victims.DaemonAndKeeper)
                await folder.EndKeeperAsync();
            if (victims == Victims.Keeper && _keeper is { } keeper && KeptFolder.IsKeeper(keeper))
                Assert.Equal(0, LibC.kill(keeper, DaemonFixture.SigKill));
            if (victims is Victims.Borrower or Victims.DaemonAndBorrower && _borrower is not null)
            {
                _borrower.Process.Kill();
                await _borrower.Process.WaitForExitAsync();
                _borrower.Dispose();
                _borrower = null;
            }
        }
    }
}
