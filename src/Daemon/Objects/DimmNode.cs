using Hostmemd.Devices;

namespace Hostmemd.Objects;

/// <summary>A plugged DIMM.</summary>
internal sealed class DimmNode(Dimm dimm) : QomNode(dimm.QomPath, Dimm.TypeName)
{
    public Dimm Dimm { get; } = dimm;

    public override IEnumerable<QomProperty> Properties => DimmProperties.Of(Dimm);
}
