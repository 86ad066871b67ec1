using Hostmemd.Kvm;
using Serilog;

namespace Hostmemd.Startup;

/// <summary>Which accelerator is used: the first of those asked for that can be had.</summary>
internal static class AcceleratorChoice
{
    /// <param name="wanted">In order; empty: KVM where it can be had, else none, and the log says which and why.</param>
    /// <exception cref="OptionException">None of them can be had.</exception>
    public static (bool UseKvm, bool KvmPresent) Make(IReadOnlyList<string> wanted, IKernel kernel, ILogger log)
    {
        var missing = TryKvm(kernel);
        if (wanted.Count == 0 && missing is not null)
            DaemonLog.NoKvm(log, missing);
        foreach (var accelerator in wanted.Count == 0 ? ["kvm", "none"] : wanted)
        {
            if (accelerator == "none")
                return (false, missing is null);
            if (missing is null)
                return (true, true);
        }
        throw new OptionException($"-accel kvm: failed to initialize kvm: {missing}");
    }

    /// <returns>null: KVM can be opened; else why not.</returns>
    private static string? TryKvm(IKernel kernel)
    {
        try
        {
            using var kvm = kernel.OpenKvm();
            return null;
        }
        catch (KernelException e)
        {
            return e.Message;
        }
    }
}
