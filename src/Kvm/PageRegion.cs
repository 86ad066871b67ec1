using System.Runtime.InteropServices;

namespace Hostmemd.Kvm;

/// <summary>struct page_region: neighbouring pages of the same categories.</summary>
/// <param name="Start">Host address of the first byte.</param>
/// <param name="End">Host address behind the last one.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct PageRegion(ulong Start, ulong End, PageCategories Categories)
{
    public ulong Size => End - Start;
}
