using Hostmemd.Objects;
using Hostmemd.Protocol.Errors;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Devices;

/// <summary>The arguments of device_add for a pc-dimm, checked as QEMU 11.1.3 checks them: what identifies the device, then each property.</summary>
internal sealed record DeviceOptions
{
    private static readonly string[] NotWritable = ["type", "size", "hotplugged", "hotpluggable", "parent_bus", "realized"];

    public string? Id { get; init; }

    /// <summary>The last component of its path; null: its id, or one that is free.</summary>
    public string? Name { get; init; }

    /// <summary>Id or QOM path of the backend; null where none was given.</summary>
    public string? Memdev { get; init; }

    /// <summary>0: to be chosen.</summary>
    public ulong Addr { get; init; }

    /// <summary>-1: to be chosen.</summary>
    public int Slot { get; init; } = -1;

    public uint Node { get; init; }

    /// <param name="hasDimms">The machine can have DIMMs.</param>
    /// <exception cref="QmpException">What does not fit.</exception>
    public static DeviceOptions Read(JsonObject members, bool hasDimms)
    {
        var driver = (members["driver"] as JsonString)?.Value ?? throw ProtocolErrors.Missing("driver");
        if (QomTypes.IsAbstractDevice(driver))
            throw DeviceErrors.AbstractDriver();
        if (driver != Dimm.TypeName)
            throw DeviceErrors.NoSuchModel(driver);
        if (members["bus"] is JsonString bus)
            throw DeviceErrors.BusNotFound(bus.Value);
        if (!hasDimms)
            throw DeviceErrors.NotHotpluggable(driver);
        // An id of another type counts as none, as in QEMU.
        var options = new DeviceOptions { Id = (members["id"] as JsonString)?.Value };
        if (options.Id is not null && !BackendRules.IsIdentifier(options.Id))
            throw DeviceErrors.IllFormedId(options.Id);
        return members.Members.Aggregate(options, (current, member) => current.With(member.Key, member.Value));
    }

    private DeviceOptions With(string name, JsonValue value) => name switch
    {
        "driver" or "id" or "bus" => this,
        "memdev" => this with { Memdev = InputVisitor.ReadValue(name, value, Shapes.Text, "") },
        "addr" => this with { Addr = InputVisitor.ReadValue(name, value, Shapes.Size, 0UL) },
        "node" => this with { Node = InputVisitor.ReadValue(name, value, Shapes.UInt32, 0U) },
        "slot" => this with { Slot = ReadSlot(name, value) },
        _ when NotWritable.Contains(name) => throw ObjectErrors.PropertyNotWritable(Dimm.TypeName, name),
        _ => throw ObjectErrors.PropertyNotFound(Dimm.TypeName, name),
    };

    private static int ReadSlot(string name, JsonValue value)
    {
        var slot = InputVisitor.ReadValue<long>(name, value, (Visitor v, ref long element) => v.Signed(ref element), 0);
        return slot is >= int.MinValue and <= int.MaxValue ? (int)slot : throw ProtocolErrors.Expects(name, "int32_t");
    }
}
