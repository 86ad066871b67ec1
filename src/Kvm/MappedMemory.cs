namespace Hostmemd.Kvm;

/// <summary>
/// Owns one mapping with its guard page. Closed by <see cref="Dispose"/> alone; a finalizer never unmaps guest memory, it reports.
/// </summary>
/// <remarks>
/// The bytes are never dereferenced here: without a page behind them the load is a SIGBUS, and that ends a .NET process.
/// <see cref="Read"/> and <see cref="Write"/> go through the kernel, which answers EFAULT. Order of the steps as seen in QEMU 11.1.3.
/// </remarks>
public sealed partial class MappedMemory : IDisposable
{
    /// <summary>The smallest page of every architecture this runs on.</summary>
    public const ulong PageSize = 4096;

    private const ulong AnonymousAlignment = 2 << 20;

    private readonly IKernel _kernel;
    private readonly Action<string>? _leaked;
    private bool _closed;

    private MappedMemory(
        IKernel kernel, MappingOptions options, HostAddress address, ulong size, ulong alignment, ulong page, bool isSynchronous,
        Action<string>? leaked)
    {
        _kernel = kernel;
        Options = options;
        Address = address;
        Size = size;
        Alignment = alignment;
        BackingPageSize = page;
        IsSynchronous = isSynchronous;
        _leaked = leaked;
    }

    ~MappedMemory() => _leaked?.Invoke($"MappedMemory {Address} was never closed");

    /// <summary>What it was made with. The file in it is borrowed: it can be used as long as its owner keeps it open.</summary>
    public MappingOptions Options { get; }

    /// <summary>0 while it is not mapped; another one after each <see cref="Remap"/>.</summary>
    public HostAddress Address { get; private set; }

    /// <summary>False between <see cref="Unmap"/> and <see cref="Remap"/>.</summary>
    public bool IsMapped => Address.Value != 0;

    /// <summary>Bytes mapped, without the guard page.</summary>
    public ulong Size { get; }

    public ulong Alignment { get; }

    /// <summary>Bytes of a page of the file behind it, 4096 but for huge pages; the kernel may make larger ones by itself.</summary>
    public ulong BackingPageSize { get; }

    /// <summary>Nobody can write through the mapping, and a memory slot of it is read-only.</summary>
    public bool IsReadOnly => Options.ReadOnly;

    /// <summary>The mapping has MAP_SYNC.</summary>
    public bool IsSynchronous { get; }

    /// <summary>Reserves, maps, advises and binds; on failure nothing of it is left.</summary>
    /// <param name="leaked">Told by the finalizer, and when an undo failed; may come on the finalizer's thread.</param>
    /// <exception cref="KernelException">The first step that failed.</exception>
    /// <exception cref="AddressSpaceLostException">A step failed, and then its undo: something is still mapped.</exception>
    /// <exception cref="OverflowException">Size, alignment and offset do not fit into 64 bits.</exception>
    public static MappedMemory Create(IKernel kernel, MappingOptions options, Action<string>? leaked = null)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfZero(options.Size);
        var page = PageOf(kernel, options);
        var alignment = Math.Max(page, options.Alignment != 0 ? options.Alignment : options.File is null ? AnonymousAlignment : page);
        if (!ulong.IsPow2(alignment))
            throw new ArgumentException("The alignment is not a power of two.", nameof(options));
        var size = RoundUp(options.Size, page);
        _ = checked(options.Offset + size);

        var (address, isSynchronous) = Place(kernel, options, size, alignment, leaked);
        return new MappedMemory(kernel, options, address, size, alignment, page, isSynchronous, leaked);
    }

    /// <summary>Unmaps memory and guard page.</summary>
    /// <exception cref="KernelException">The mapping is still there; it must not be reused, nor its slot's number.</exception>
    public void Dispose()
    {
        if (_closed)
            return;
        Unmap();
        _closed = true;
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes memory with a file behind it out of this process; the file keeps the bytes, and the object can map it again.</summary>
    /// <exception cref="KernelException">The mapping is still there.</exception>
    /// <remarks>Nobody may use the address, a memory slot least of all.</remarks>
    public void Unmap()
    {
        if (!IsMapped)
            return;
        _kernel.Munmap(Address, Size + PageSize);
        Address = default;
    }

    /// <summary>Maps it again, as it was made, at another address.</summary>
    /// <exception cref="KernelException">The first step that failed; it stays unmapped.</exception>
    /// <exception cref="AddressSpaceLostException">As <see cref="Create"/>.</exception>
    public void Remap()
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!IsMapped)
            (Address, _) = Place(_kernel, Options, Size, Alignment, _leaked);
    }

    /// <summary>Copies bytes out.</summary>
    /// <exception cref="KernelException">EFAULT: no page behind them.</exception>
    public void Read(ulong offset, Span<byte> target) => _kernel.ReadMemory(At(offset, (ulong)target.Length), target);

    /// <summary>Copies bytes in.</summary>
    /// <exception cref="KernelException">EFAULT: no page behind them, or not writable.</exception>
    public void Write(ulong offset, ReadOnlySpan<byte> source) => _kernel.WriteMemory(At(offset, (ulong)source.Length), source);

    /// <summary>Gives the pages back to the host: what they hold is lost, in the file too (MADV_REMOVE).</summary>
    /// <exception cref="KernelException">EACCES: not a shared, writable mapping. EINVAL, EOPNOTSUPP: the file cannot have holes.</exception>
    public void Discard() => _kernel.Madvise(At(0, Size), Size, MemoryAdvice.Remove);

    private HostAddress At(ulong offset, ulong length)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (!IsMapped)
            throw new InvalidOperationException("The memory is not mapped.");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Size - offset);
        return Address.Add(offset);
    }

    /// <summary>Reserves, maps and advises; on failure nothing of it is left.</summary>
    private static (HostAddress Address, bool IsSynchronous) Place(
        IKernel kernel, MappingOptions options, ulong size, ulong alignment, Action<string>? leaked)
    {
        // The guard page behind the memory stays reserved: a run past the end is a fault, not another guest's memory.
        var reserved = checked(size + alignment + PageSize);
        const MapFlags nothing = MapFlags.Private | MapFlags.Anonymous | MapFlags.NoReserve;
        var start = kernel.Mmap(default, reserved, MemoryProtection.None, nothing, null, 0);
        var kept = reserved;
        try
        {
            var address = new HostAddress(RoundUp(start.Value, alignment));
            var isSynchronous = Map(kernel, options, address, size);
            // What an undo has to unmap shrinks with each trim that succeeded.
            if (address > start)
                kernel.Munmap(start, address.Value - start.Value);
            kept -= address.Value - start.Value;
            start = address;
            if (kept > size + PageSize)
                kernel.Munmap(start.Add(size + PageSize), kept - (size + PageSize));
            kept = size + PageSize;
            Advise(kernel, options, address, size);
            return (address, isSynchronous);
        }
        catch (Exception e)
        {
            // The first failure is the one to report upwards; that the undo failed too must at least be known.
            if (!TryUndo(kernel, start, kept, leaked))
                throw new AddressSpaceLostException(e);
            throw;
        }
    }

    /// <returns>Whether the mapping has MAP_SYNC.</returns>
    private static bool Map(IKernel kernel, MappingOptions options, HostAddress address, ulong size)
    {
        var flags = MapFlags.Fixed
            | (options.File is null ? MapFlags.Anonymous : MapFlags.None)
            | (options.NoReserve ? MapFlags.NoReserve : MapFlags.None);
        var protection = options.ReadOnly ? MemoryProtection.Read : MemoryProtection.Read | MemoryProtection.Write;
        if (options is { Synchronous: true, Shared: true })
        {
            try
            {
                kernel.Mmap(address, size, protection, flags | MapFlags.SharedValidate | MapFlags.Sync, options.File, options.Offset);
                return true;
            }
            catch (KernelException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EINVAL)
            {
                // No DAX, or a kernel that knows no MAP_SYNC.
            }
        }

        kernel.Mmap(
            address, size, protection, flags | (options.Shared ? MapFlags.Shared : MapFlags.Private), options.File, options.Offset);
        return false;
    }

    private static void Advise(IKernel kernel, MappingOptions options, HostAddress address, ulong size)
    {
        if (options.HugePage)
            Hint(kernel, address, size, MemoryAdvice.HugePage);
        if (options.DontFork)
            kernel.Madvise(address, size, MemoryAdvice.DontFork);
        if (options.Merge is { } merge)
            Hint(kernel, address, size, merge ? MemoryAdvice.Mergeable : MemoryAdvice.Unmergeable);
        if (!options.Dump)
            kernel.Madvise(address, size, MemoryAdvice.DontDump);
        if (options.Policy != MemoryPolicy.Default || options.Nodes.Count != 0)
            kernel.Mbind(address, size, options.Policy, options.Nodes);
    }

    /// <summary>A kernel built without huge pages or KSM answers EINVAL; the memory is as good without them.</summary>
    private static void Hint(IKernel kernel, HostAddress address, ulong size, MemoryAdvice advice)
    {
        try
        {
            kernel.Madvise(address, size, advice);
        }
        catch (KernelException e) when (e.Errno == Errno.EINVAL)
        {
        }
    }

    private static bool TryUndo(IKernel kernel, HostAddress start, ulong length, Action<string>? leaked)
    {
        try
        {
            kernel.Munmap(start, length);
            return true;
        }
        catch (KernelException e)
        {
            leaked?.Invoke($"{length} bytes of address space at {start} are lost: {e.Message}");
            return false;
        }
    }

    private static ulong PageOf(IKernel kernel, MappingOptions options)
    {
        if (options.File is null)
            return PageSize;
        var status = kernel.Fstatfs(options.File);
        return status.IsHugeTlb ? status.BlockSize : PageSize;
    }

    private static ulong RoundUp(ulong value, ulong unit) => checked(value + (unit - 1)) & ~(unit - 1);
}
