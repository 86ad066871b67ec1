using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>Refusals for want of huge pages or memory, on hosts that this machine is not; the kernel is the fake.</summary>
public sealed class HugePageTests : IDisposable
{
    private const string ReserveOff = """
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 8388608, "hugetlb": true, "reserve": false}}
        """;

    private const string Reserve = """
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 8388608, "hugetlb": true}}
        """;

    private const string Bound = """
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 8388608, "hugetlb": true,
          "policy": "bind", "host-nodes": [0]}}
        """;

    private const string Private = """
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 8388608, "hugetlb": true, "share": false}}
        """;

    private const string Prealloc = """
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "m", "size": 2097152, "prealloc": true}}
        """;

    private readonly FakeHost _host = new();
    private readonly FakeKernel _kernel = new();

    public void Dispose() => _host.Dispose();

    [Fact]
    public Task Reserve_off_is_refused_where_too_few_pages_are_free_and_not_reserved() => IsRefusedAsync(
        _host.WithPool(16, 12, 9, 1),
        ReserveOff,
        "too few huge pages for 'reserve=off', which reserves none; page size 2097152, wanted 4, free 12, reserved 9, surplus 1");

    [Fact]
    public Task Reserve_off_is_refused_where_the_nodes_have_too_few() => IsRefusedAsync(
        _host.WithPool(16, 12, 0).WithNode(0, 4, 3).WithNode(1, 12, 9),
        Bound.Replace("\"policy\"", "\"reserve\": false, \"policy\"", StringComparison.Ordinal),
        "too few huge pages for 'reserve=off', which reserves none; page size 2097152, wanted 4, free 12, reserved 0, surplus 0, node 0 free 3");

    [Fact]
    public Task Reserve_off_is_refused_where_the_control_group_gives_too_few_and_the_limit_is_named() => IsRefusedAsync(
        _host.WithPool(16, 12, 0).WithGroup("/vms/a")
            .With("/sys/fs/cgroup/vms/hugetlb.2MB.max", "16777216\n").With("/sys/fs/cgroup/vms/hugetlb.2MB.current", "10485760\n"),
        ReserveOff,
        "too few huge pages for 'reserve=off', which reserves none; page size 2097152, wanted 4, free 12, reserved 0, surplus 0, "
        + "limit /sys/fs/cgroup/vms/hugetlb.2MB.max 16777216 with 10485760 in use");

    [Fact]
    public Task Reserve_off_is_taken_where_pages_are_free() => IsTakenAsync(_host.WithPool(16, 12, 8), ReserveOff);

    [Fact]
    public Task Reserve_off_is_taken_where_the_pool_may_grow() => IsTakenAsync(_host.WithPool(2, 2, 2, 0, 4), ReserveOff);

    [Fact]
    public Task Reserve_off_is_taken_where_the_host_tells_nothing() => IsTakenAsync(_host, ReserveOff);

    [Fact]
    public async Task Reserve_off_takes_no_page()
    {
        await IsTakenAsync(_host.WithPool(16, 12, 8), ReserveOff);
        Assert.DoesNotContain(nameof(IKernel.Fallocate), _kernel.Calls);
    }

    [Fact]
    public async Task With_a_reservation_all_pages_are_taken_through_the_file()
    {
        await IsTakenAsync(_host, Reserve);
        Assert.Contains(nameof(IKernel.Fallocate), _kernel.Calls);
    }

    [Theory]
    [InlineData(Bound)]
    [InlineData(Private)]
    public async Task Bound_or_private_pages_are_taken_through_the_mapping_as_the_file_knows_nothing_of_it(string request)
    {
        var plain = await AdvicesAsync(ReserveOff);
        const int pages = 4;
        Assert.Equal(plain + pages, await AdvicesAsync(request));
        Assert.DoesNotContain(nameof(IKernel.Fallocate), _kernel.Calls);
    }

    [Fact]
    public Task When_the_kernel_reserves_none_its_text_comes_first_and_then_the_figures()
    {
        // The first mmap is of the address space.
        _kernel.FailAt(nameof(IKernel.Mmap), 2, Errno.ENOMEM);
        return IsRefusedAsync(
            _host.WithPool(3, 2, 1, 1, 8).WithGroup("/a").With("/sys/fs/cgroup/a/hugetlb.2MB.rsvd.max", "0\n"),
            Reserve,
            "unable to map backing store for guest RAM: Cannot allocate memory; page size 2097152, wanted 4, free 2, reserved 1, surplus 1 of 8, "
            + "limit /sys/fs/cgroup/a/hugetlb.2MB.rsvd.max 0 with unknown in use");
    }

    [Fact]
    public Task When_reserved_pages_cannot_be_taken_the_backend_is_refused()
    {
        _kernel.FailAt(nameof(IKernel.Fallocate), 1, Errno.ENOSPC);
        return IsRefusedAsync(
            _host.WithPool(16, 12, 0),
            Reserve,
            "cannot reserve huge pages for guest RAM: No space left on device; page size 2097152, wanted 4, free 12, reserved 0, surplus 0");
    }

    [Fact]
    public Task When_prealloc_finds_no_page_QEMUs_text_comes_first()
    {
        // After the three hints for a new mapping.
        _kernel.FailAt(nameof(IKernel.Madvise), 5, Errno.EFAULT);
        return IsRefusedAsync(
            _host,
            Reserve.Replace("true", "true, \"prealloc\": true", StringComparison.Ordinal),
            "qemu_prealloc_mem: preallocating memory failed: Bad address; page size 2097152, wanted 4, free unknown, reserved unknown, surplus unknown");
    }

    [Fact]
    public Task Prealloc_beyond_the_control_group_is_refused_and_the_limit_named() => IsRefusedAsync(
        _host.WithGroup("/a").With("/sys/fs/cgroup/a/memory.max", "1048576\n").With("/sys/fs/cgroup/a/memory.swap.max", "0\n"),
        Prealloc,
        "'size' 2097152 with 'prealloc=on' is beyond the control group's limit (/sys/fs/cgroup/a/memory.max, with swap 1048576 bytes), use a smaller 'size'");

    [Fact]
    public async Task Prealloc_by_qom_set_beyond_the_control_group_is_refused()
    {
        _host.WithGroup("/a").With("/sys/fs/cgroup/a/memory.max", "1048576\n");
        await using var guest = await InProcessGuest.StartAsync(_kernel, host: _host.Files);
        var client = await guest.ConnectAsync();
        await client.ExchangeAsync(Prealloc.Replace("true", "false", StringComparison.Ordinal), """{"return": {}}""");

        await client.ExchangeAsync(
            """{"execute": "qom-set", "arguments": {"path": "/objects/m", "property": "prealloc", "value": true}}""",
            """
            {"error": {"class": "GenericError", "desc": "'size' 2097152 with 'prealloc=on' is beyond the control group's limit (/sys/fs/cgroup/a/memory.max, with swap 1048576 bytes), use a smaller 'size'"}}
            """);
    }

    [Fact]
    public Task Prealloc_within_the_control_group_is_taken() => IsTakenAsync(
        _host.WithGroup("/a").With("/sys/fs/cgroup/a/memory.max", "2097152\n"), Prealloc);

    [Fact]
    public async Task Prealloc_beyond_the_host_is_refused()
    {
        _kernel.Memory = new SystemMemory(1 << 20, 0, 0, 0);
        await IsRefusedAsync(
            _host, Prealloc, "'size' 2097152 with 'prealloc=on' is beyond the host's memory and swap (1048576 bytes), use a smaller 'size'");
    }

    private async Task IsRefusedAsync(FakeHost host, string request, string description)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, host: host.Files);
        var client = await guest.ConnectAsync();
        var held = (_kernel.OpenDescriptors, _kernel.MappingCount);

        await client.ExchangeAsync(request, $$$"""{"error": {"class": "GenericError", "desc": "{{{description}}}"}}""");

        Assert.Equal(held, (_kernel.OpenDescriptors, _kernel.MappingCount));
        await client.ExchangeAsync("""{"execute": "query-memdev"}""", """{"return": []}""");
    }

    private async Task IsTakenAsync(FakeHost host, string request)
    {
        await using var guest = await InProcessGuest.StartAsync(_kernel, host: host.Files);
        await (await guest.ConnectAsync()).ExchangeAsync(request, """{"return": {}}""");
    }

    private async Task<int> AdvicesAsync(string request)
    {
        var before = _kernel.Calls.Count(call => call == nameof(IKernel.Madvise));
        await IsTakenAsync(_host, request);
        return _kernel.Calls.Count(call => call == nameof(IKernel.Madvise)) - before;
    }
}
