using System.Collections.Frozen;
using Hostmemd.Objects;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Devices;

/// <summary>The QOM properties of a pc-dimm, in QEMU's order.</summary>
internal static class DimmProperties
{
    /// <summary>Settable only before the device is realized, and all devices here are.</summary>
    private static readonly FrozenSet<string> FixedByRealize = FrozenSet.Create("addr", "slot", "node", "memdev");

    /// <param name="dimm">null: the type's properties, without values.</param>
    public static IEnumerable<QomProperty> Of(Dimm? dimm) =>
    [
        new("parent_bus", "link<bus>", () => new JsonString("")),
        new("realized", "bool", () => JsonBool.True),
        new("hotplugged", "bool", () => JsonBool.Of(dimm!.Hotplugged)),
        new("hotpluggable", "bool", () => JsonBool.True),
        new("memdev", "link<memory-backend>", () => new JsonString(dimm!.Backend.QomPath)),
        new("node", "uint32", () => JsonNumber.Of(dimm!.Node), Default: JsonNumber.Of(0)),
        new("addr", "uint64", () => JsonNumber.Of(dimm!.Place.Addr), Default: JsonNumber.Of(0)),
        new("slot", "int32", () => JsonNumber.Of(dimm!.Place.Slot), Default: JsonNumber.Of(-1)),
        new("size", "uint64", () => JsonNumber.Of(dimm!.Place.Size)),
    ];

    /// <summary>qom-set on a plugged device: nothing of it can change.</summary>
    /// <exception cref="Protocol.Errors.QmpException">Always, but for realized, which is what it is.</exception>
    public static void Set(Dimm dimm, string property, JsonValue value)
    {
        if (property == "realized" && value is JsonBool { Value: true })
            return;
        if (FixedByRealize.Contains(property))
            throw DeviceErrors.FixedByRealize(property, dimm.Id ?? "", Dimm.TypeName, isLink: property == "memdev");
        throw ObjectErrors.PropertyNotWritable(Dimm.TypeName, property);
    }
}
