using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>Huge pages of this machine and its kernel.</summary>
[Collection(HugePagePoolUsers.Name)]
public sealed class HugePageHostTests(HugePagePoolFixture fixture) : IAsyncLifetime
{
    /// <summary>More than there are, and few enough to fit into an address space.</summary>
    private const ulong TooMany = 1UL << 20;

    private const string Delete = """{"execute": "object-del", "arguments": {"id": "m"}}""";
    private const string Done = """{"return": {}}""";

    private readonly HugePagePool _before = HugePagePoolFixture.Pool;
    private InProcessGuest _guest = null!;
    private QmpClient _client = null!;

    public async Task InitializeAsync()
    {
        Assert.NotNull(fixture);
        _guest = await InProcessGuest.StartAsync(new LinuxKernel(), "-accel none");
        _client = await _guest.ConnectAsync();
    }

    /// <summary>Whatever a test did, the pool has its pages back.</summary>
    public async Task DisposeAsync()
    {
        await _guest.DisposeAsync();
        Assert.Equal(Counts(_before), Counts(HugePagePoolFixture.Pool));
    }

    [HugePageFact]
    public async Task Pages_are_taken_when_the_backend_is_made_and_are_back_when_it_is_deleted()
    {
        await _client.ExchangeAsync(Add(4), Done);

        // Not reserved only: taken, so that nothing can be short any more when the guest writes.
        Assert.Equal((_before.Free - 4, _before.Reserved), Counts(HugePagePoolFixture.Pool));
        await _client.ExchangeAsync(Delete, Done);
        Assert.Equal(Counts(_before), Counts(HugePagePoolFixture.Pool));
    }

    [HugePageFact]
    public async Task Prealloc_takes_them_too()
    {
        await _client.ExchangeAsync(Add(4, ", \"prealloc\": true"), Done);
        Assert.Equal((_before.Free - 4, _before.Reserved), Counts(HugePagePoolFixture.Pool));
    }

    [HugePageFact]
    public async Task Bound_to_a_node_they_are_taken_there()
    {
        await _client.ExchangeAsync(Add(4, ", \"policy\": \"bind\", \"host-nodes\": [0]"), Done);
        Assert.Equal((_before.Free - 4, _before.Reserved), Counts(HugePagePoolFixture.Pool));
        Assert.Equal(_before.FreeOn([0]) - 4, HugePagePoolFixture.Pool.FreeOn([0]));
    }

    [HugePageFact]
    public async Task Private_ones_are_taken_once()
    {
        await _client.ExchangeAsync(Add(HugePagePoolFixture.Added, ", \"share\": false"), Done);
        Assert.Equal((_before.Free - HugePagePoolFixture.Added, _before.Reserved), Counts(HugePagePoolFixture.Pool));
    }

    [HugePageFact]
    public async Task Reserve_off_takes_none()
    {
        await _client.ExchangeAsync(Add(4, ", \"reserve\": false"), Done);
        Assert.Equal(Counts(_before), Counts(HugePagePoolFixture.Pool));
    }

    [HugePageFact]
    public async Task Their_size_can_be_named_and_is_the_alignment_of_the_backend()
    {
        await _client.ExchangeAsync(Add(1, ", \"hugetlbsize\": 2097152"), Done);
        Assert.Equal(HugePagePoolFixture.PageSize, _guest.Guest.State.Backends["m"].Backend.Alignment);
    }

    [HugePageFact]
    public async Task Where_the_pool_is_too_small_the_refusal_says_what_there_is()
    {
        await _client.ExchangeAsync(Add(TooMany), Error("unable to map backing store for guest RAM: Cannot allocate memory; " + Figures));
        await _client.ExchangeAsync(
            Add(TooMany, ", \"prealloc\": true"), """{"error": {"class": "GenericError", "desc": "$any"}}""");
    }

    [HugePageFact]
    public Task Without_a_reservation_too_small_a_pool_is_a_refusal_as_well() => _client.ExchangeAsync(
        Add(TooMany, ", \"reserve\": false"), Error("too few huge pages for 'reserve=off', which reserves none; " + Figures));

    private string Figures =>
        $"page size 2097152, wanted {TooMany}, free {_before.Free}, reserved {_before.Reserved}, surplus {_before.Surplus}"
        + (_before.Overcommit > 0 ? $" of {_before.Overcommit}" : "");

    private static string Add(ulong pages, string more = "") => $$$"""
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": {{{pages * HugePagePoolFixture.PageSize}}}, "hugetlb": true{{{more}}}}}
        """;

    private static string Error(string description) => $$$"""{"error": {"class": "GenericError", "desc": "{{{description}}}"}}""";

    private static (ulong? Free, ulong? Reserved) Counts(HugePagePool pool) => (pool.Free, pool.Reserved);
}
