using Hostmemd.Protocol.Schema;

namespace Hostmemd.Protocol.Tests.Session;

internal sealed class CapabilitiesArguments : IQapiType
{
    internal static readonly EnumTable<Capability> Capabilities = new("QMPCapability", (Capability.Oob, "oob"));

    internal List<Capability>? Enable;

    public static string TypeName => "CapabilitiesArguments";

    public void Visit(Visitor v) => v.OptionalList("enable", ref Enable, Shapes.Enum(Capabilities), "capabilities to enable");
}

internal enum Capability
{
    Oob,
}

internal sealed class NameArguments : IQapiType
{
    internal string Name = "";

    public static string TypeName => "NameArguments";

    public void Visit(Visitor v) => v.Required("name", ref Name, "whom");
}

internal sealed class NamesArguments : IQapiType
{
    internal List<string> Names = [];

    public static string TypeName => "NamesArguments";

    public void Visit(Visitor v) => v.List("names", ref Names, Shapes.Text, "which");
}

internal sealed class SizeArguments : IQapiType
{
    internal ulong Size;

    public static string TypeName => "SizeArguments";

    public void Visit(Visitor v) => v.Required("size", ref Size, "how much", IntegerKind.Size);
}

/// <summary>A text, as argument and as result.</summary>
internal sealed class TextValue : IQapiType
{
    internal string Text = "";

    public static string TypeName => "TextValue";

    public void Visit(Visitor v) => v.Required("text", ref Text, "the text");
}

/// <summary>The generation that a reply or an event tells of.</summary>
internal sealed class GenerationValue : IQapiType
{
    internal ulong Generation;

    public static string TypeName => "GenerationValue";

    public void Visit(Visitor v) => v.Required("generation", ref Generation, "which");
}

internal sealed class LostCount : IQapiType
{
    internal ulong Count;

    public static string TypeName => "LostCount";

    public void Visit(Visitor v) => v.Required("count", ref Count, "how many");
}

/// <summary>A result that cannot be written: its enumeration has no such value.</summary>
internal sealed class Unwritable : IQapiType
{
    internal Capability Broken = (Capability)99;

    public static string TypeName => "Unwritable";

    public void Visit(Visitor v) => v.Enum("broken", ref Broken, CapabilitiesArguments.Capabilities, "no value");
}
