using System.Runtime.InteropServices;

namespace Hostmemd.Kvm.Native;

/// <summary>A list of C strings with a null pointer at its end, as argv and environ are. Freed by Dispose.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly List<nint> _strings = [];

    /// <param name="strings">Each with its zero byte at the end.</param>
    public NativeStrings(IEnumerable<byte[]> strings)
    {
        var all = strings.ToList();
        // SAFETY: one pointer more than there are strings; each copy is as long as its source.
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)all.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < all.Count; i++)
        {
            var copy = NativeMemory.Alloc((nuint)all[i].Length);
            all[i].CopyTo(new Span<byte>(copy, all[i].Length));
            Pointers[i] = (byte*)copy;
            _strings.Add((nint)copy);
        }
    }

    public byte** Pointers { get; }

    public void Dispose()
    {
        foreach (var copy in _strings)
            NativeMemory.Free((void*)copy);
        NativeMemory.Free(Pointers);
    }
}
