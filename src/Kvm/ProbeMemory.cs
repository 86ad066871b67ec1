namespace Hostmemd.Kvm;

/// <summary>
/// The private slot of the probe vCPU: code, page tables and a buffer. Anonymous memory of this process, never a guest's.
/// </summary>
/// <remarks>
/// Virtual address = guest physical address, in pages of 2 MiB, and entries are only ever added. That is what makes it safe to change them
/// from
/// outside: shadow paging does not see a host's write to a page table, and no processor keeps "not present" in its TLB.
/// The lower half of the address space, 2^47 bytes, is all that can be seen. Source: AMD64 manual volume 2, 5.3; kernel,
/// Documentation/virt/kvm/x86/mmu.rst.
/// </remarks>
internal sealed unsafe class ProbeMemory : IDisposable
{
    /// <summary>Bytes that one access can move.</summary>
    public const int BufferSize = 1 << 20;

    public const ulong CopyEntry = 0x00;
    public const ulong SpinEntry = 0x20;
    public const ulong CrashEntry = 0x40;

    /// <summary>Task state segment, in the code page: its I/O bitmap lets level 3 use every port below 8 * (its bytes).</summary>
    public const ulong TaskState = 0x800;

    public const uint TaskStateLimit = 0x7ff;

    public const ulong Size = DirectoriesStart + (DirectoryCount * MappedMemory.PageSize);

    private const ulong RootStart = 0x1000;
    private const ulong PointersStart = 0x2000;
    private const ulong BufferStart = PointersStart + (256 * MappedMemory.PageSize);
    private const ulong DirectoriesStart = BufferStart + BufferSize;

    /// <summary>A directory maps 1 GiB: enough for 4 TiB of memory looked at. Its pages are not there before they are used.</summary>
    private const ulong DirectoryCount = 4096;

    private const ulong LargePage = 2 << 20;
    private const ulong UserWritablePresent = 7;
    private const ulong LargePageBit = 0x80;

    private readonly MappedMemory _memory;
    private readonly GuestAddress _gpa;
    private ulong _directories;

    private ProbeMemory(MappedMemory memory, GuestAddress gpa)
    {
        _memory = memory;
        _gpa = gpa;
    }

    public HostAddress Address => _memory.Address;

    public GuestAddress Root => _gpa.Add(RootStart);

    public GuestAddress Buffer => _gpa.Add(BufferStart);

    // SAFETY: private anonymous memory, mapped as long as this object is not disposed; only the probe's thread uses it.
    public Span<byte> BufferBytes => new((byte*)_memory.Address.Value + BufferStart, BufferSize);

    /// <summary>Maps the memory, writes the code and the page tables of its own range.</summary>
    public static ProbeMemory Create(IKernel kernel, GuestAddress gpa, Action<string>? leaked)
    {
        // The guest's bytes pass through the buffer: not for core dumps, not for children.
        var options = new MappingOptions { Size = Size, NoReserve = true, DontFork = true, Dump = false };
        var probe = new ProbeMemory(MappedMemory.Create(kernel, options, leaked), gpa);
        probe.WriteCode();
        probe.Cover(gpa, Size);
        return probe;
    }

    public GuestAddress Entry(ulong entry) => _gpa.Add(entry);

    public void Dispose() => _memory.Dispose();

    /// <summary>Makes a range visible to the vCPU.</summary>
    /// <exception cref="MemorySlotException">More than 4 TiB were looked at since the probe was made.</exception>
    public void Cover(GuestAddress gpa, ulong size)
    {
        for (var page = gpa.Value & ~(LargePage - 1); page <= gpa.Value + (size - 1); page += LargePage)
            CoverPage(page);
    }

    private void CoverPage(ulong page)
    {
        var (i, j, k) = ((page >> 39) & 0xff, (page >> 30) & 0x1ff, (page >> 21) & 0x1ff);
        var pointers = PointersStart + (i * MappedMemory.PageSize);
        ref var root = ref Word(RootStart, i);
        ref var pointer = ref Word(pointers, j);
        if (pointer == 0)
        {
            if (_directories == DirectoryCount)
                throw new MemorySlotException("The probe has seen more memory than its page tables can hold.");
            pointer = (_gpa.Value + DirectoriesStart + (_directories++ * MappedMemory.PageSize)) | UserWritablePresent;
        }

        // The processor sets the accessed bit in entries it has used: they are not compared, only set once.
        ref var entry = ref Word((pointer & ~(MappedMemory.PageSize - 1)) - _gpa.Value, k);
        if (entry == 0)
            entry = page | LargePageBit | UserWritablePresent;
        if (root == 0)
            root = (_gpa.Value + pointers) | UserWritablePresent;
    }

    private void WriteCode()
    {
        // rep movsb; out 0x10, al (leaves the guest: KVM_EXIT_IO); jmp to itself, never reached.
        At(CopyEntry, [0xf3, 0xa4, 0xe6, 0x10, 0xeb, 0xfe]);
        // jmp to itself: for the timeout.
        At(SpinEntry, [0xeb, 0xfe]);
        // ud2: the interrupt table is empty, so this is a triple fault.
        At(CrashEntry, [0x0f, 0x0b]);
        // The bitmap begins behind the 104 bytes of the segment; its zeroes are permissions. Source: AMD64 manual volume 2, 12.2.5.
        At(TaskState + 102, [104, 0]);
    }

    // SAFETY (both): offsets are below Size by construction of the layout, and the mapping is ours, present and writable.
    private void At(ulong offset, ReadOnlySpan<byte> code) =>
        code.CopyTo(new Span<byte>((byte*)_memory.Address.Value + offset, code.Length));

    private ref ulong Word(ulong table, ulong index) => ref ((ulong*)(_memory.Address.Value + table))[index];
}
