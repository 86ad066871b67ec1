using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security;
using Xunit;

namespace Hostmemd.Daemon.Tests.Structure;

/// <summary>Who knows whom, read from the assemblies' metadata.</summary>
public sealed class LayerTests
{
    private static readonly Assembly Protocol = typeof(Hostmemd.Protocol.Session.QmpSession).Assembly;
    private static readonly Assembly Kvm = typeof(IKernel).Assembly;
    private static readonly Assembly Program = typeof(Hostmemd.Guests.Guest).Assembly;

    [Fact]
    public void The_daemon_knows_both_layers_below() => Assert.Superset(
        new HashSet<string> { "Hostmemd.Protocol", "Hostmemd.Kvm" }, References(Program));

    [Theory]
    [InlineData("Hostmemd.Kvm")]
    [InlineData("hostmemd")]
    [InlineData("Tmds.LibC")]
    [InlineData("Serilog")]
    public void The_protocol_does_not_know(string assembly) => Assert.DoesNotContain(assembly, References(Protocol));

    [Theory]
    [InlineData("Hostmemd.Protocol")]
    [InlineData("hostmemd")]
    [InlineData("StreamJsonRpc")]
    [InlineData("Serilog")]
    public void The_kvm_library_does_not_know(string assembly) => Assert.DoesNotContain(assembly, References(Kvm));

    [Fact]
    public void The_daemon_makes_no_system_call_of_its_own() => Assert.DoesNotContain("Tmds.LibC", References(Program));

    [Fact]
    public void Unsafe_code_is_in_the_kvm_library_alone()
    {
        // The compiler marks every module that was built with unsafe code allowed.
        Assert.NotEmpty(Kvm.ManifestModule.GetCustomAttributes<UnverifiableCodeAttribute>());
        Assert.Empty(Protocol.ManifestModule.GetCustomAttributes<UnverifiableCodeAttribute>());
        Assert.Empty(Program.ManifestModule.GetCustomAttributes<UnverifiableCodeAttribute>());
    }

    [Fact]
    public void Foreign_functions_are_declared_nowhere_outside_the_kvm_library()
    {
        Assert.Empty(ForeignFunctions(Protocol));
        Assert.Empty(ForeignFunctions(Program));
    }

    private static HashSet<string> References(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        var metadata = file.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }

    private static List<string> ForeignFunctions(Assembly assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly.Location));
        var metadata = file.GetMetadataReader();
        return
        [
            .. metadata.MethodDefinitions.Select(metadata.GetMethodDefinition)
                .Where(method => method.Attributes.HasFlag(MethodAttributes.PinvokeImpl))
                .Select(method => metadata.GetString(method.Name)),
        ];
    }
}
