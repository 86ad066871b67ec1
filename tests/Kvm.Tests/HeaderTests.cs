using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using Hostmemd.Kvm.Native;
using Xunit;
using Xunit.Abstractions;

namespace Hostmemd.Kvm.Tests;

/// <summary>Our numbers and structures against the C headers of this host: a C file of static assertions that must compile.</summary>
public class HeaderTests(ITestOutputHelper output)
{
    /// <summary>
    /// Newer than the headers of some distributions (Debian 12: 6.1). A request number carries its structure's size, so the tests
    /// that send these to the kernel are the check there: a wrong one is ENOTTY.
    /// </summary>
    private static readonly Dictionary<Type, string> Newer = new()
    {
        [typeof(kvm_userspace_memory_region2)] = nameof(KvmIoctl.KVM_SET_USER_MEMORY_REGION2),
        [typeof(kvm_create_guest_memfd)] = nameof(KvmIoctl.KVM_CREATE_GUEST_MEMFD),
        [typeof(kvm_memory_attributes)] = nameof(KvmIoctl.KVM_SET_MEMORY_ATTRIBUTES),
        [typeof(kvm_pre_fault_memory)] = nameof(KvmIoctl.KVM_PRE_FAULT_MEMORY),
    };

    private static readonly Type[] Structures =
    [
        typeof(kvm_regs), typeof(kvm_segment), typeof(kvm_dtable), typeof(kvm_sregs), typeof(kvm_cpuid_entry2), typeof(kvm_stats_header),
        typeof(kvm_stats_desc), typeof(kvm_userspace_memory_region2), typeof(kvm_create_guest_memfd), typeof(kvm_dirty_log),
        typeof(kvm_memory_attributes), typeof(kvm_pre_fault_memory), typeof(kvm_enable_cap), typeof(kvm_dirty_gfn),
    ];

    [Fact]
    public void Numbers_sizes_and_offsets_are_those_of_the_header()
    {
        var source = new StringBuilder("#define _GNU_SOURCE\n#include <stddef.h>\n#include <linux/kvm.h>\n");
        source.Append("#include <sys/mman.h>\n#include <sys/vfs.h>\n#include <sys/sysinfo.h>\n");
        foreach (var field in typeof(KvmIoctl).GetFields(BindingFlags.Static | BindingFlags.Public))
            AppendIfDefined(source, field.Name, $"{field.Name} == {(uint)field.GetRawConstantValue()!}u");
        foreach (var type in Structures)
            AppendStructure(source, type);
        (string, int)[] runFields =
            [("immediate_exit", 1), ("exit_reason", 8), ("mmio.phys_addr", 32), ("mmio.len", 48), ("mmio.is_write", 52)];
        (string, int)[] exits = [("IO", 2), ("MMIO", 6), ("SHUTDOWN", 8), ("FAIL_ENTRY", 9), ("INTR", 10), ("INTERNAL_ERROR", 17), ("DIRTY_RING_FULL", 31)];
        foreach (var (field, offset) in runFields)
            Append(source, $"offsetof(struct kvm_run, {field}) == {offset}");
        foreach (var (name, value) in exits)
            Append(source, $"KVM_EXIT_{name} == {value}");
        foreach (var value in Enum.GetValues<KvmCapability>())
            AppendIfDefined(source, $"KVM_CAP_{Snake(value.ToString())}", $"KVM_CAP_{Snake(value.ToString())} == {(int)value}");
        foreach (var value in Enum.GetValues<MemoryAdvice>())
            AppendIfDefined(source, $"MADV_{Advice(value)}", $"MADV_{Advice(value)} == {(int)value}");
        Append(source, $"sizeof(struct statfs) == {Marshal.SizeOf<Libc.Statfs>()}");
        Append(source, $"sizeof(struct sysinfo) == {Marshal.SizeOf<Libc.Sysinfo>()}");
        Append(source, $"offsetof(struct sysinfo, mem_unit) == {Marshal.OffsetOf<Libc.Sysinfo>("Unit")}");
        var (exit, text) = Compile(source.ToString());
        Assert.True(exit == 0, text);
        foreach (var line in text.Split('\n').Where(line => line.Contains("unknown to this header", StringComparison.Ordinal)))
            output.WriteLine(line.Trim());
    }

    private static void AppendStructure(StringBuilder source, Type type)
    {
        var guarded = Newer.TryGetValue(type, out var ioctl);
        if (guarded)
            source.AppendLine(CultureInfo.InvariantCulture, $"#ifdef {ioctl}");
        Append(source, $"sizeof(struct {type.Name}) == {Marshal.SizeOf(type)}");
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public))
            Append(source, $"offsetof(struct {type.Name}, {field.Name}) == {Marshal.OffsetOf(type, field.Name)}");
        if (guarded)
            source.AppendLine(CultureInfo.InvariantCulture, $"#else\n#pragma message(\"unknown to this header: struct {type.Name}\")\n#endif");
    }

    private static void AppendIfDefined(StringBuilder source, string name, string condition)
    {
        source.AppendLine(CultureInfo.InvariantCulture, $"#ifdef {name}");
        Append(source, condition);
        source.AppendLine(CultureInfo.InvariantCulture, $"#else\n#pragma message(\"unknown to this header: {name}\")\n#endif");
    }

    private static void Append(StringBuilder source, string condition) =>
        source.AppendLine(CultureInfo.InvariantCulture, $"_Static_assert({condition}, \"{condition}\");");

    private static string Snake(string name) => string.Concat(name.Select((c, i) =>
        i > 0 && (char.IsUpper(c) || (char.IsDigit(c) && name[i - 1] == 't')) ? "_" + c : $"{c}")).ToUpperInvariant()
        .Replace("PROTECT_2", "PROTECT2", StringComparison.Ordinal);

    private static string Advice(MemoryAdvice advice) => advice is MemoryAdvice.PopulateRead or MemoryAdvice.PopulateWrite
        ? Snake(advice.ToString())
        : advice.ToString().ToUpperInvariant();

    private static (int Exit, string Text) Compile(string source)
    {
        using var gcc = Process.Start(new ProcessStartInfo("gcc", "-x c -fsyntax-only -")
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        gcc.StandardInput.Write(source);
        gcc.StandardInput.Close();
        var text = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        return (gcc.ExitCode, text);
    }
}
