using System.Collections.Frozen;
using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;

namespace Hostmemd.Daemon.Tests.Structure;

/// <summary>Nothing static changes: two guests in one process share nothing that one of them could alter.</summary>
public sealed class StaticStateTests
{
    /// <summary>Generic types whose values do not change once made, as long as what they hold does not.</summary>
    private static readonly Type[] ImmutableGenerics =
    [
        typeof(IReadOnlyList<>), typeof(IReadOnlyCollection<>), typeof(IReadOnlyDictionary<,>), typeof(FrozenDictionary<,>), typeof(FrozenSet<>),
        typeof(Nullable<>), typeof(ReadOnlyMemory<>),
        typeof(System.Buffers.SearchValues<>), typeof(ValueTuple<,>),
    ];

    /// <summary>Declarations that hold no value of the type they are about.</summary>
    private static readonly Type[] Declarations = [typeof(Hostmemd.Protocol.Schema.EnumTable<>), typeof(Hostmemd.Protocol.Schema.EventDeclaration<>)];

    /// <summary>Types of the framework and of ours whose values do not change.</summary>
    private static readonly Type[] Immutable = [typeof(string), typeof(TimeSpan), typeof(Version), typeof(Guid), typeof(decimal), typeof(Hostmemd.Protocol.Schema.AlternateTable)];

    /// <summary>Read by lookup only, never handed out; a test further down sees to it that each name is still needed.</summary>
    private static readonly string[] Exempt =
    [
        "Hostmemd.Startup.OptionParser.Table",
        "Hostmemd.Commands.ControlCommands.Version",
        "Hostmemd.Protocol.Session.QmpEnvelope.NoArguments",
    ];

    private static readonly string[] Ours = ["Hostmemd.Protocol", "Hostmemd.Kvm", "hostmemd"];

    public static TheoryData<string> Assemblies => [.. Ours];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_static_field_can_be_assigned(string assembly) => Assert.Empty(
        StaticFields(assembly).Where(field => !field.IsInitOnly && !field.IsLiteral).Select(Name));

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_static_field_holds_what_can_change(string assembly)
    {
        var found = StaticFields(assembly).Where(field => !field.IsLiteral && !IsImmutable(field.FieldType) && !Exempt.Contains(Name(field)))
            .Select(field => $"{Name(field)}: {field.FieldType}").ToList();

        Assert.True(found.Count == 0, string.Join("\n", found));
    }

    [Fact]
    public void Every_exemption_is_still_needed() => Assert.Empty(
        Exempt.Except(Ours.SelectMany(StaticFields).Where(field => !IsImmutable(field.FieldType)).Select(Name)));

    private static IEnumerable<FieldInfo> StaticFields(string assembly) => Assembly.Load(assembly).GetTypes()
        .Where(type => !IsGenerated(type))
        .SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly));

    /// <summary>Caches of lambdas and of literals that the compiler makes.</summary>
    private static bool IsGenerated(Type type) =>
        type.Name.StartsWith('<') || (type.IsDefined(typeof(CompilerGeneratedAttribute)) && type.Name.Contains('<', StringComparison.Ordinal))
        || (type.DeclaringType is { } outer && IsGenerated(outer));

    private static string Name(FieldInfo field) =>
        $"{field.DeclaringType!.FullName}.{(field.Name.StartsWith('<') ? field.Name[1..field.Name.IndexOf('>', StringComparison.Ordinal)] : field.Name)}";

    private static bool IsImmutable(Type type) =>
        type.IsPrimitive || type.IsEnum || Immutable.Contains(type)
        || (type.IsGenericType && Declarations.Contains(type.GetGenericTypeDefinition()))
        || (type.IsGenericType && ImmutableGenerics.Contains(type.GetGenericTypeDefinition()) && type.GetGenericArguments().All(IsImmutable))
        || type.Namespace == "System.Collections.Immutable"
        // An array of constants that nobody writes is as good as one; that nobody does is for the reader of the code.
        || (type.IsArray && IsImmutable(type.GetElementType()!))
        || IsSealedRecordOf(type);

    /// <summary>A type of ours whose fields are all read-only and immutable themselves.</summary>
    private static bool IsSealedRecordOf(Type type) =>
        type.Namespace?.StartsWith("Hostmemd", StringComparison.Ordinal) == true
        && !type.IsGenericType
        && Fields(type).All(field => field.IsInitOnly
            && (field.FieldType == type || field.FieldType == type.MakeArrayType() || field.FieldType.IsSubclassOf(typeof(Delegate))
                || IsImmutable(field.FieldType)));

    private static IEnumerable<FieldInfo> Fields(Type? type) => type is null
        ? []
        : type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).Concat(Fields(type.BaseType));
}
