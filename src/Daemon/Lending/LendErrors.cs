using Hostmemd.Kvm;
using Hostmemd.Protocol.Errors;

namespace Hostmemd.Lending;

/// <summary>Texts about lending; ours, as QEMU has nothing like it.</summary>
internal static class LendErrors
{
    public static QmpException HeldBy(string id, string borrowers) => new($"Memory backend '{id}' is held by {borrowers}");

    /// <param name="use">What to use to do it all the same.</param>
    public static QmpException HeldBy(string id, string borrowers, string use) => new($"Memory backend '{id}' is held by {borrowers}, use {use} to write all the same");

    public static QmpException OnItsWay(string id) => new($"Memory backend '{id}' is being lent");

    public static QmpException Closed(string id, string way, string reason) => new($"Memory backend '{id}' cannot go by '{way}': {reason}");

    public static QmpException NoMemdevs() => new("Parameter 'memdevs' expects at least one backend");

    public static QmpException Twice(string id) => new($"Parameter 'memdevs' has backend '{id}' twice");

    public static QmpException Unreachable(string path, string error) => new($"cannot connect to '{path}': {error}");

    public static QmpException Broken(string path, string error) => new($"lending over '{path}' failed: {error}");

    public static QmpException Failed(KernelException e) => new($"lending failed: {e.Message}");
}
