using System.Globalization;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Xunit;

namespace Hostmemd.Daemon.Tests.Tracing;

/// <summary>One kind of backend on one daemon: finds the calls that make it, and fails them one by one.</summary>
internal sealed class FaultRun(DaemonFixture daemon, QmpClient client, FaultCase fault)
{
    private const string Delete = """{"execute": "object-del", "arguments": {"id": "m"}}""";

    /// <summary>Where a call comes in a thread's row differs when the runtime made one of its own: then the case is tried again.</summary>
    private const int Tries = 40;

    private readonly string _request = fault.Request(daemon.Directory);
    private IReadOnlyList<TraceCall> _all = [];
    private BackendTrace? _trace;
    private bool _isHit;

    /// <summary>A call of the runtime was hit too, on another thread: it may take that for the end of all memory.</summary>
    private bool _isRuntimeHit;

    /// <summary>Cases that hit another call than meant and were repeated.</summary>
    public int Repeated { get; private set; }

    /// <summary>The calls that make the backend, when nothing fails.</summary>
    public async Task<IReadOnlyList<TraceCall>> RehearseAsync()
    {
        for (var warmUp = 0; warmUp < 3; warmUp++)
            await AddAndDeleteAsync();
        await RehearseOnceAsync();
        return _trace!.Calls;
    }

    /// <summary>Fails one of them; everything must be as before, and the same request must then work.</summary>
    /// <param name="kind">The <see cref="Kind"/> of one of <see cref="RehearseAsync"/>.</param>
    /// <returns>false: a call of the runtime was hit instead, and the daemon is gone.</returns>
    public async Task<bool> FailAsync(string kind, int errno)
    {
        for (var tried = 0; tried < Tries; tried++)
        {
            try
            {
                // The last of several: strace counts on every thread, and would hit another thread's call of the same place before.
                if (_trace!.Calls.LastOrDefault(call => Kind(call) == kind) is { } planned
                    && await TryAsync(planned, errno, Place(_all, planned)))
                    return true;
                Repeated++;
                await RehearseOnceAsync();
            }
            catch (Exception e) when ((!_isHit || _isRuntimeHit) && (e is IOException or InvalidOperationException))
            {
                // A daemon that lives and hangs up is not what was asked for; strace that could not attach is asked again.
                if (await daemon.EndsWithinAsync(e is IOException ? QmpClient.Patience : TimeSpan.FromSeconds(3)))
                    return false;
                if (e is IOException)
                    throw;
                Repeated++;
            }
        }
        throw new Xunit.Sdk.XunitException($"{kind} could not be hit in {Tries} tries");
    }

    /// <summary>What a call is, without the numbers that differ from run to run.</summary>
    public static string Kind(TraceCall call)
    {
        var constant = call.Arguments.Where(argument => !char.IsAsciiDigit(argument[0]) && !argument.Contains('/', StringComparison.Ordinal));
        return $"{call.Name} {string.Join(' ', constant)}";
    }

    /// <summary>Which call of its name it was on its thread: this is what strace counts.</summary>
    public static int Place(IReadOnlyList<TraceCall> all, TraceCall call) =>
        all.TakeWhile(other => other != call).Count(other => other.Tid == call.Tid && other.Name == call.Name) + 1;

    private async Task AddAndDeleteAsync()
    {
        await client.ExchangeAsync(_request, """{"return": {}}""");
        await DeleteAsync();
    }

    private async Task DeleteAsync()
    {
        await client.ExchangeAsync(Delete, """{"return": {}}""");
        File.Delete(Path.Combine(daemon.Directory, FaultCase.NewFile));
    }

    private async Task RehearseOnceAsync()
    {
        await using var strace = await Strace.AttachAsync(daemon.Pid);
        await client.ExchangeAsync(_request, """{"return": {}}""");
        _all = await strace.DetachAsync();
        _trace = new BackendTrace(_all, fault.Size);
        await DeleteAsync();
    }

    /// <returns>false: another call was hit, or none.</returns>
    private async Task<bool> TryAsync(TraceCall call, int errno, int place)
    {
        (_isHit, _isRuntimeHit) = (false, false);
        var before = await InProcessGuest.ObserveAsync(client);
        // The reply to a populated backend comes before the helper process is gone.
        await Eventually.TrueAsync(() => !Descriptors().Contains("[pidfd]", StringComparison.Ordinal), Descriptors);
        var held = (Descriptors(), Files());
        var injection = string.Create(CultureInfo.InvariantCulture, $"{call.Name}:error={Errno.Name(errno)}:when={place}");
        JsonElement? answer;
        IReadOnlyList<TraceCall> all;
        await using (var strace = await Strace.AttachAsync(daemon.Pid, injection))
        {
            await client.SendAsync(_request);
            answer = await client.TryReceiveAsync();
            all = await strace.DetachAsync();
        }
        var trace = new BackendTrace(all, fault.Size);
        // The runtime's calls that are hit as well, as the collector's advice on its own memory, do no harm.
        var failed = all.Where(other => other.IsInjected && (trace.Calls.Contains(other) || BackendTrace.IsMaker(other))).ToList();
        _isRuntimeHit = all.Count(other => other.IsInjected) > failed.Count;
        _isHit = failed.Count == 1 && Kind(failed[0]) == Kind(call);
        var reply = answer ?? throw new EndOfStreamException($"the daemon ended after {string.Join(", ", failed)}");
        var worked = reply.TryGetProperty("return", out _);
        if (!_isHit)
        {
            if (worked)
                await DeleteAsync();
            return false;
        }
        var context = $"{failed[0]}: {reply.GetRawText()}";
        // A call that a signal interrupts is made again, whichever it is.
        if (errno == Errno.EINTR)
        {
            Assert.True(worked, context);
            await DeleteAsync();
        }
        else
        {
            Assert.False(worked, context);
            Assert.Equal("GenericError", reply.GetProperty("error").GetProperty("class").GetString());
            Assert.True(
                reply.GetProperty("error").GetProperty("desc").GetString()!.Contains(Errno.Text(errno), StringComparison.Ordinal), context);
            Assert.True(trace.NotUnmapped == 0, $"{trace.NotUnmapped} bytes still mapped after {context}");
            Assert.Equal(before, await InProcessGuest.ObserveAsync(client));
        }
        // A name that the kernel does not take away stays.
        if (call.Name.StartsWith("unlink", StringComparison.Ordinal))
            RemoveNewFiles(held.Item2);
        await Eventually.TrueAsync(() => held == (Descriptors(), Files()), () => $"before {held}, now {(Descriptors(), Files())}, after {context}");
        await AddAndDeleteAsync();
        return true;
    }

    /// <summary>All but the assemblies that the runtime opens when it needs them.</summary>
    private string Descriptors() =>
        string.Join('\n', ProcessResources.Descriptors(daemon.Pid).Where(target => !target.EndsWith(".dll", StringComparison.Ordinal)));

    private void RemoveNewFiles(string before)
    {
        foreach (var path in Files().Split('\n').Except(before.Split('\n')))
            File.Delete(path);
    }

    private string Files() => string.Join('\n', Directory.EnumerateFileSystemEntries(daemon.Directory).Order(StringComparer.Ordinal));
}
