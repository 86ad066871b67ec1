using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The properties of memory-backend-file.</summary>
internal sealed class FileProperties : MemoryBackendProperties, IQapiType
{
    public static readonly EnumTable<OnOffAuto> RomValues = new(
        "OnOffAuto", (OnOffAuto.Auto, "auto"), (OnOffAuto.On, "on"), (OnOffAuto.Off, "off"));

    internal ulong? Align;
    internal ulong? Offset;
    internal bool? DiscardData;
    internal string MemPath = "";
    internal bool? Pmem;
    internal bool? ReadOnly;
    internal OnOffAuto? Rom;

    public static new string TypeName => "MemoryBackendFileProperties";

    /// <summary>Stores through the mapping fail: what rom says, and auto means what readonly says.</summary>
    public bool IsRom => Rom switch { OnOffAuto.On => true, OnOffAuto.Off => false, _ => ReadOnly == true };

    public override void Visit(Visitor v)
    {
        base.Visit(v);
        v.Optional(
            "align", ref Align, "alignment of the mapping in bytes, a power of two; 0 is the page size of the file", IntegerKind.Size,
            qomDescribed: false);
        v.Optional("offset", ref Offset, "where in the file the memory begins", IntegerKind.Size);
        v.Optional("discard-data", ref DiscardData, "free the file's blocks when the object goes: its content is lost", qomDescribed: false);
        v.Required(
            "mem-path", ref MemPath, "a file, a new file, a directory for a file without a name, or /dev/fdset/N for a descriptor of add-fd",
            qomDescribed: false);
        v.Optional("pmem", ref Pmem, "the file is persistent memory: stores are made durable where it supports that", qomDescribed: false);
        v.Optional("readonly", ref ReadOnly, "open the file for reading only", qomDescribed: false);
        v.OptionalEnum("rom", ref Rom, RomValues, "the guest cannot write; auto is what readonly says, off needs share=off");
    }

    public override void FillDefaults(bool share)
    {
        base.FillDefaults(share);
        Align ??= 0;
        Offset ??= 0;
        DiscardData ??= false;
        Pmem ??= false;
        ReadOnly ??= false;
        // Shown as what it came to be (seen in QEMU 11.1.3).
        Rom = IsRom ? OnOffAuto.On : OnOffAuto.Off;
    }
}
