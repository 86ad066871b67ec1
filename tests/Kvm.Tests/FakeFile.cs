namespace Hostmemd.Kvm.Tests;

/// <summary>What is behind a descriptor or an anonymous mapping of <see cref="FakeKernel"/>: a size and the pages that exist.</summary>
internal sealed class FakeFile(string link)
{
    public string Link { get; } = link;

    public ulong Size { get; set; }

    public FileSeals Seals { get; set; }

    /// <summary>Set for a guest_memfd alone.</summary>
    public GuestMemfdFlags? Flags { get; init; }

    public MemoryPolicy Policy { get; set; }

    /// <summary>Bytes; 0 for small pages.</summary>
    public ulong HugePageSize { get; init; }

    public Dictionary<ulong, byte[]> Pages { get; } = [];

    public byte[] Page(ulong number)
    {
        if (!Pages.TryGetValue(number, out var page))
            Pages.Add(number, page = new byte[MappedMemory.PageSize]);
        return page;
    }
}
