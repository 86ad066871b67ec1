namespace Hostmemd.Protocol.Schema;

/// <summary>What a type declares of one member beside its value.</summary>
/// <param name="Doc">One line for the reference manual.</param>
/// <param name="QomType">The type qom-list names, where it is another than the QAPI type's.</param>
/// <param name="QomDescribed">qom-list-properties shows the line; QEMU leaves some properties without one.</param>
public readonly record struct Member(string Name, string Doc, bool Optional, Features Features, string? QomType, bool QomDescribed = true);
