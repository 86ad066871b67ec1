using Xunit;

namespace Hostmemd.Kvm.Tests;

public class VmThreadTests
{
    private const ulong MiB = 1 << 20;

    [Fact]
    public async Task Work_runs_on_one_thread_named_vm_and_its_exceptions_reach_the_caller()
    {
        await using var vm = await VmThread.StartAsync(new FakeKernel());
        var names = await Task.WhenAll(Enumerable.Range(0, 100).Select(
            _ => vm.RunAsync(_ => (Thread.CurrentThread.Name, Environment.CurrentManagedThreadId))));
        Assert.Equal("vm", Assert.Single(names.Distinct()).Name);
        await Assert.ThrowsAsync<ArithmeticException>(() => vm.RunAsync<int>(_ => throw new ArithmeticException()));
        Assert.NotEqual("vm", Thread.CurrentThread.Name);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_asked_goes_on_elsewhere_or_stays_as_it_wants(bool stay)
    {
        await using var vm = await VmThread.StartAsync(new FakeKernel());
        using var gate = new ManualResetEventSlim();
        var blocked = vm.RunAsync(_ => gate.Wait(TimeSpan.FromSeconds(20)));
        var ended = EndedOnAsync();
        gate.Set();
        Assert.True(await blocked);
        Assert.Equal(stay, await ended == "vm");

        async Task<string?> EndedOnAsync()
        {
            await (stay ? vm.RunAndStayAsync(_ => 1) : vm.RunAsync(_ => 1)).ConfigureAwait(false);
            return Thread.CurrentThread.Name;
        }
    }

    [Fact]
    public async Task The_VM_taken_out_of_its_thread_refuses()
    {
        await using var vm = await VmThread.StartAsync(new FakeKernel());
        var smuggled = await vm.RunAsync(v => v);
        Assert.Throws<InvalidOperationException>(() => smuggled.Slots);
        Assert.Throws<InvalidOperationException>(() => smuggled.DeleteSlot(0));
        Assert.Throws<InvalidOperationException>(vm.AssertOnThread);
    }

    [Fact]
    public async Task A_full_queue_makes_callers_wait_and_loses_nothing()
    {
        await using var vm = await VmThread.StartAsync(new FakeKernel());
        using var gate = new ManualResetEventSlim();
        var blocked = vm.RunAsync(_ => gate.Wait(TimeSpan.FromSeconds(20)));
        var count = 0;
        var others = Enumerable.Range(0, 5000).Select(_ => vm.RunAsync(_ => ++count)).ToArray();
        gate.Set();
        Assert.True(await blocked);
        await Task.WhenAll(others);
        Assert.Equal(5000, count);
    }

    [Fact]
    public async Task Ending_fails_what_is_queued_and_what_comes_later()
    {
        var kernel = new FakeKernel();
        var vm = await VmThread.StartAsync(kernel);
        using var gate = new ManualResetEventSlim();
        using var running = new ManualResetEventSlim();
        var current = vm.RunAsync(_ =>
        {
            running.Set();
            return gate.Wait(TimeSpan.FromSeconds(20));
        });
        running.Wait();
        var queued = Enumerable.Range(0, 2000).Select(_ => vm.RunAsync(_ => 1)).ToArray();
        var end = vm.DisposeAsync().AsTask();
        gate.Set();
        await end;
        Assert.True(await current);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Task.WhenAll(queued));
        Assert.All(queued, task => Assert.IsType<ObjectDisposedException>(task.Exception?.InnerException));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => vm.RunAsync(_ => 1));
        await vm.DisposeAsync();
        Assert.Equal(0, kernel.OpenDescriptors);
    }

    [Theory]
    [InlineData(nameof(IKernel.OpenKvm), Errno.EACCES)]
    [InlineData(nameof(IKernel.GetApiVersion), Errno.EIO)]
    [InlineData(nameof(IKernel.CreateVm), Errno.ENOMEM)]
    [InlineData(nameof(IKernel.CheckExtension), Errno.EIO)]
    public async Task A_start_that_fails_says_which_call_and_leaves_nothing_open(string method, int errno)
    {
        var kernel = new FakeKernel();
        kernel.FailAt(method, 1, errno);
        var error = await Assert.ThrowsAsync<KernelException>(() => VmThread.StartAsync(kernel));
        Assert.Equal((method, errno), (error.Call, error.Errno));
        Assert.Equal(0, kernel.OpenDescriptors);
    }

    [Fact]
    public async Task Another_API_version_and_a_missing_capability_are_refused()
    {
        await Assert.ThrowsAsync<KernelException>(() => VmThread.StartAsync(new FakeKernel { ApiVersion = 11 }));
        var kernel = new FakeKernel { Extensions = { [KvmCapability.UserMemory2] = 0 } };
        await Assert.ThrowsAsync<KernelException>(() => VmThread.StartAsync(kernel));
        Assert.Equal(0, kernel.OpenDescriptors);
    }

    [Fact]
    public async Task A_slot_that_the_kernel_refuses_leaves_its_number_and_range_free()
    {
        var kernel = new FakeKernel();
        await using var vm = await VmThread.StartAsync(kernel);
        kernel.FailAt(nameof(IKernel.SetUserMemoryRegion2), 1, Errno.ENOMEM);
        await Assert.ThrowsAsync<KernelException>(() => vm.RunAsync(v => v.AddSlot(Slot(0))));
        Assert.Equal(0, await vm.RunAsync(v => v.Slots.Count));
        Assert.Equal(0u, (await vm.RunAsync(v => v.AddSlot(Slot(0)))).Id);
        Assert.Single(kernel.SlotsOf());
    }

    [Fact]
    public async Task A_slot_that_cannot_be_deleted_stays_and_is_quarantined()
    {
        var kernel = new FakeKernel();
        await using var vm = await VmThread.StartAsync(kernel);
        var slot = await vm.RunAsync(v => v.AddSlot(Slot(0)));
        kernel.FailAt(nameof(IKernel.SetUserMemoryRegion2), 1, Errno.EIO);
        await Assert.ThrowsAsync<KernelException>(() => vm.RunAsync(v => v.DeleteSlot(slot.Id)));
        Assert.True(await vm.RunAsync(v => v.Slots.IsQuarantined(slot.Id)));
        await Assert.ThrowsAsync<MemorySlotException>(() => vm.RunAsync(v => v.AddSlot(Slot(0))));
        Assert.Equal(1u, (await vm.RunAsync(v => v.AddSlot(Slot(MiB)))).Id);
        await Assert.ThrowsAsync<KeyNotFoundException>(() => vm.RunAsync(v => v.DeleteSlot(77)));
    }

    [Fact]
    public async Task A_descriptor_bound_slot_with_a_wrapping_offset_never_reaches_the_kernel()
    {
        var kernel = new FakeKernel();
        await using var vm = await VmThread.StartAsync(kernel);
        using var file = await vm.RunAsync(v => v.CreateGuestMemfd(MiB));
        kernel.Calls.Clear();
        var request = Slot(0) with { File = file, Offset = 0x7ffffffffffff000 };
        await Assert.ThrowsAsync<KernelException>(() => vm.RunAsync(v => v.AddSlot(request)));
        Assert.DoesNotContain(nameof(IKernel.SetUserMemoryRegion2), kernel.Calls);
    }

    [Fact]
    public async Task A_kernel_without_vCPUs_gives_no_probe_and_keeps_no_memory()
    {
        var kernel = new FakeKernel();
        await using var vm = await VmThread.StartAsync(kernel);
        await Assert.ThrowsAsync<KernelException>(() => ProbeVcpu.CreateAsync(vm, new(1UL << 40)));
        Assert.Equal((0, 0), (kernel.MappingCount, kernel.SlotsOf().Count));
    }

    private static MemorySlotRequest Slot(ulong gpa) =>
        new() { Gpa = new(gpa), Size = MiB, Hva = new(0x7000_0000_0000), Use = MemorySlotUse.Device };
}
