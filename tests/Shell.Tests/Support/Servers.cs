namespace Hostmemd.QmpShell.Tests.Support;

/// <summary>Real servers.</summary>
internal static class Servers
{
    public const string Qemu = "qemu-system-x86_64";

    /// <summary>A daemon that listens.</summary>
    public static Task<ServerProcess> StartDaemonAsync(params string[] arguments) =>
        StartAsync(DaemonProgram.Find(), arguments.Length > 0 ? arguments : ["-machine", "none", "-S"]);

    /// <summary>A QEMU that listens.</summary>
    public static Task<ServerProcess> StartQemuAsync(params string[] arguments) =>
        StartAsync(Qemu, ["-M", "pc,accel=tcg", "-nodefaults", "-display", "none", "-S", .. arguments]);

    private static async Task<ServerProcess> StartAsync(string program, string[] arguments)
    {
        ServerProcess server = ServerProcess.Start(program, arguments, new ScratchDirectory());
        using var probe = await server.ConnectAsync(CancellationToken.None);
        return server;
    }
}
