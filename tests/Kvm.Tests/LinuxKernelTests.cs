using System.Globalization;
using Hostmemd.Kvm.Native;
using Xunit;

namespace Hostmemd.Kvm.Tests;

public class LinuxKernelTests
{
    private const ulong MiB = 1 << 20;
    private readonly LinuxKernel _kernel = new();

    [KvmFact]
    public void The_system_answers_version_extensions_and_cpuid()
    {
        using var kvm = _kernel.OpenKvm();
        Assert.Equal(12, _kernel.GetApiVersion(kvm));
        Assert.True(_kernel.CheckExtension(kvm, KvmCapability.NrMemslots) >= 32);
        Assert.True(_kernel.GetVcpuMmapSize(kvm) >= 4096);
        Assert.Contains(_kernel.GetSupportedCpuid(kvm), leaf => leaf.function == 0x80000008);
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.CreateVm(kvm, 0x7fff)).Errno);
    }

    [KvmFact]
    public void Guest_memfd_is_close_on_exec_and_has_size_link_and_no_seals()
    {
        using var kvm = _kernel.OpenKvm();
        using var vm = _kernel.CreateVm(kvm, 0);
        using var file = _kernel.CreateGuestMemfd(vm, 3 * MiB, GuestMemfdFlags.Mmap | GuestMemfdFlags.InitShared);
        var info = File.ReadAllText($"/proc/self/fdinfo/{file.Number}");
        Assert.Contains("flags:\t02", info, StringComparison.Ordinal); // O_CLOEXEC is octal 02000000
        Assert.Equal((3 * MiB, 0UL), (_kernel.Fstat(file).Size, _kernel.Fstat(file).Blocks));
        Assert.Equal("anon_inode:[kvm-gmem]", _kernel.ReadLink(file));
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.GetSeals(file)).Errno);
        foreach (var size in new ulong[] { 0, 1, 4097, ulong.MaxValue })
            Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.CreateGuestMemfd(vm, size, GuestMemfdFlags.None)).Errno);
    }

    [KvmFact]
    public void Memory_slots_are_added_refused_and_deleted_with_the_kernels_errnos()
    {
        using var kvm = _kernel.OpenKvm();
        using var vm = _kernel.CreateVm(kvm, 0);
        using var memory = MappedMemory.Create(_kernel, new() { Size = MiB });
        var region = new kvm_userspace_memory_region2 { slot = 5, memory_size = MiB, userspace_addr = memory.Address.Value };
        _kernel.SetUserMemoryRegion2(vm, region);
        Assert.Equal(Errno.EEXIST, Assert.Throws<KernelException>(() => _kernel.SetUserMemoryRegion2(vm, region with { slot = 6 })).Errno);
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.SetUserMemoryRegion2(vm, region with { memory_size = 4097 })).Errno);
        _kernel.SetUserMemoryRegion2(vm, new() { slot = 5 });
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.SetUserMemoryRegion2(vm, new() { slot = 5 })).Errno);
    }

    [KvmFact]
    public void Statistics_are_found_by_name()
    {
        using var kvm = _kernel.OpenKvm();
        using var vm = _kernel.CreateVm(kvm, 0);
        using var vcpu = _kernel.CreateVcpu(vm, 0);
        using var ofVm = new Statistics(_kernel, _kernel.GetStatsFd(vm));
        using var ofVcpu = new Statistics(_kernel, _kernel.GetStatsFd(vcpu));
        Assert.Equal(0UL, ofVcpu.Read("exits"));
        Assert.NotNull(ofVm.Read("pages_4k"));
        Assert.Null(ofVm.Read("no such statistic"));
        Assert.Equal(Errno.EEXIST, Assert.Throws<KernelException>(() => _kernel.CreateVcpu(vm, 0)).Errno);
    }

    [KvmFact]
    public void Registers_come_back_as_they_were_set()
    {
        using var kvm = _kernel.OpenKvm();
        using var vm = _kernel.CreateVm(kvm, 0);
        using var vcpu = _kernel.CreateVcpu(vm, 0);
        _kernel.SetRegs(vcpu, new() { rax = 1, r15 = 15, rip = 0x1234, rflags = 2 });
        var regs = _kernel.GetRegs(vcpu);
        Assert.Equal((1UL, 15UL, 0x1234UL, 2UL), (regs.rax, regs.r15, regs.rip, regs.rflags));
        var sregs = _kernel.GetSregs(vcpu);
        sregs.cr3 = 0x5000;
        _kernel.SetSregs(vcpu, sregs);
        Assert.Equal(0x5000UL, _kernel.GetSregs(vcpu).cr3);
    }

    [Fact]
    public void Memfd_has_size_seals_and_link()
    {
        using var file = _kernel.MemfdCreate("unit", MemfdFlags.AllowSealing);
        _kernel.Ftruncate(file, 2 * MiB);
        _kernel.AddSeals(file, FileSeals.Grow | FileSeals.Shrink);
        Assert.Equal(FileSeals.Grow | FileSeals.Shrink, _kernel.GetSeals(file));
        Assert.Equal(Errno.EPERM, Assert.Throws<KernelException>(() => _kernel.Ftruncate(file, MiB)).Errno);
        Assert.Equal("/memfd:unit (deleted)", _kernel.ReadLink(file));
        Assert.Equal((2 * MiB, 0UL), (_kernel.Fstat(file).Size, _kernel.Fstat(file).Blocks));
        _kernel.Fallocate(file, FallocateMode.None, 0, MiB);
        Assert.Equal(MiB / 512, _kernel.Fstat(file).Blocks);
        Assert.False(_kernel.Fstatfs(file).IsHugeTlb);
        using var copy = _kernel.Duplicate(file);
        Assert.Equal(_kernel.Fstat(file).Inode, _kernel.Fstat(copy).Inode);
        Assert.Equal(Errno.EINVAL, Assert.Throws<KernelException>(() => _kernel.MemfdCreate("unit", MemfdFlags.HugeTlb, 3 * MiB)).Errno);
    }

    [Fact]
    public void Memory_without_a_page_behind_it_is_EFAULT_and_no_signal()
    {
        using var file = _kernel.MemfdCreate("unit", MemfdFlags.None);
        _kernel.Ftruncate(file, MappedMemory.PageSize);
        using var memory = MappedMemory.Create(_kernel, new() { Size = 2 * MappedMemory.PageSize, File = file, Shared = true });
        memory.Write(0, new byte[] { 1, 2, 3 });
        var seen = new byte[3];
        memory.Read(0, seen);
        Assert.Equal([1, 2, 3], seen);
        Assert.Equal(Errno.EFAULT, Assert.Throws<KernelException>(() => memory.Read(MappedMemory.PageSize - 1, new byte[2])).Errno);
        Assert.Equal(Errno.EFAULT, Assert.Throws<KernelException>(() => memory.Write(MappedMemory.PageSize, new byte[1])).Errno);
        Assert.Equal(Errno.EFAULT, Assert.Throws<KernelException>(() => memory.Populate()).Errno);
    }

    [Fact]
    public void The_page_behind_a_mapping_is_a_guard()
    {
        using var memory = MappedMemory.Create(_kernel, new() { Size = MiB });
        memory.Write(MiB - 1, [1]);
        Assert.Equal(Errno.EFAULT, Assert.Throws<KernelException>(() => _kernel.WriteMemory(memory.Address.Add(MiB), [1])).Errno);
        Assert.Equal(0UL, memory.Address.Value % (2 * MiB));
    }

    [Fact]
    public void Every_advice_and_policy_of_a_backend_is_accepted()
    {
        using var file = _kernel.MemfdCreate("unit", MemfdFlags.None);
        _kernel.Ftruncate(file, 4 * MiB);
        var options = new MappingOptions
        {
            Size = 4 * MiB,
            HugePage = true,
            DontFork = true,
            Merge = true,
            Dump = false,
            Policy = MemoryPolicy.Bind,
            Nodes = [0],
        };
        using var anonymous = MappedMemory.Create(_kernel, options);
        using var shared = MappedMemory.Create(_kernel, options with { File = file, Shared = true, Merge = false, NoReserve = true });
        using var readOnly = MappedMemory.Create(_kernel, new() { Size = MiB, File = file, ReadOnly = true, Offset = MiB });
        Assert.Equal(MemoryPolicy.Bind, _kernel.GetMempolicy(shared.Address));
        Assert.Equal(Errno.EFAULT, Assert.Throws<KernelException>(() => readOnly.Write(0, [1])).Errno);
        Assert.Equal(
            Errno.EINVAL, Assert.Throws<KernelException>(() => MappedMemory.Create(_kernel, options with { Nodes = [1000] })).Errno);
        anonymous.Populate(threads: 2);
        shared.Populate(threads: 2);
    }

    [Fact]
    public void The_process_tells_its_limits_and_the_hosts_memory()
    {
        var memory = _kernel.Sysinfo();
        var total = File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        Assert.Equal($"{memory.TotalRam / 1024}", total);
        var limit = _kernel.GetRlimit(ResourceKind.OpenFiles);
        Assert.Equal(limit.Hard, ProcessLimits.RaiseOpenFiles(_kernel));
        Assert.Equal(limit.Hard, _kernel.GetRlimit(ResourceKind.OpenFiles).Soft);
        ProcessLimits.ForbidCoreDumps(_kernel);
        Assert.Equal(default, _kernel.GetRlimit(ResourceKind.Core));
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _kernel.Open("/no/such/file", 0, 0)).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _kernel.Unlink("/no/such/file")).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<KernelException>(() => _kernel.Chown("/no/such/file", 0, 0)).Errno);
        Assert.StartsWith(_kernel.KernelRelease, File.ReadAllText("/proc/version").Split(' ')[2], StringComparison.Ordinal);
    }

    [Fact]
    public void The_mode_of_overcommit_is_what_the_host_says() =>
        Assert.Equal(File.ReadAllText("/proc/sys/vm/overcommit_memory").Trim(), _kernel.GetOvercommitMode().ToString(CultureInfo.InvariantCulture));

    [Fact]
    public void A_blocked_signal_waits_until_it_is_taken()
    {
        var seen = new List<bool>();
        var thread = new Thread(() =>
        {
            _kernel.BlockSignal(51);
            seen.Add(_kernel.TakePendingSignal(51));
            _kernel.Tgkill(_kernel.Gettid(), 51);
            seen.Add(_kernel.TakePendingSignal(51));
            seen.Add(_kernel.TakePendingSignal(51));
        });
        thread.Start();
        thread.Join();
        Assert.Equal([false, true, false], seen);
    }
}
