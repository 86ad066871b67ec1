using System.Security.Cryptography;
using System.Text.Json;
using Hostmemd.Daemon.Tests.Processes;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Daemon.Tests.Lending;

/// <summary>An unmodified QEMU on the daemon's memory: the path way with any, CPR with 11.1.</summary>
public sealed class QemuLendingTests
{
    private const ulong Size = 64 << 20;
    private const ulong Dimms = 4UL << 30;
    private const string Done = """{"return": {}}""";

    internal static readonly string[] Machine = ["-M", "q35,accel=kvm,memory-backend=m", "-m", "64M,slots=4,maxmem=1G", "-nodefaults", "-display", "none"];

    /// <summary>What the machine shows below 1 MiB is RAM only in its first 640 KiB.</summary>
    private static readonly (ulong From, ulong Length)[] Ram = [(0, 0xA0000), (1 << 20, Size - (1 << 20))];

    private readonly LinuxKernel _kernel = new();

    [QemuFact]
    public Task A_guest_runs_in_memory_that_qemu_opens() => RunAsync(guestMemfd: false, async (daemon, client) =>
    {
        var memdev = (await LoanAsync(client)).GetProperty("ways").EnumerateArray().First().GetProperty("qemu-object").GetString()!;
        await using var qemu = await QemuProcess.StartAsync(daemon.Directory, [.. Machine, "-object", memdev]);

        await CompareAsync(daemon, client, qemu);
    });

    [QemuFact(NeedsCpr = true)]
    public Task A_guest_runs_in_guest_memfd() => RunAsync(guestMemfd: true, async (daemon, client) =>
    {
        await AddAsync(client, "hot", guestMemfd: true);
        await using var qemu = await QemuProcess.WrapAsync(daemon, ["m", "hot,later"], Machine);
        await qemu.UntilRunningAsync();

        var borrower = (await LoanAsync(client)).GetProperty("borrowers")[0];
        Assert.StartsWith("qemu-system", borrower.GetProperty("comm").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, ProcessResources.Mappings("kvm-gmem", daemon.Pid));
        Assert.NotEqual(0, ProcessResources.Mappings("kvm-gmem", borrower.GetProperty("pid").GetInt32()));
        await CompareAsync(daemon, client, qemu);

        // A backend that was named up front is found while the guest runs.
        using (var hot = await FileAsync(client, "hot"))
        using (var mapped = Map(hot))
            mapped.Write(0, "HOTPLUGGED-BYTES"u8);
        Success(await qemu.AskAsync("""{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "hot", "size": 67108864, "share": true}}"""));
        Success(await qemu.AskAsync("""{"execute": "device_add", "arguments": {"driver": "pc-dimm", "id": "d", "memdev": "hot"}}"""));
        Assert.Equal("HOTPLUGGED-BYTES", System.Text.Encoding.ASCII.GetString(await qemu.ReadMemoryAsync(daemon.Directory, Dimms, 16)));
    });

    [QemuFact]
    public Task Another_qemu_adopts_memory_that_was_opened() => AdoptAsync(guestMemfd: false);

    [QemuFact(NeedsCpr = true)]
    public Task Another_qemu_adopts_guest_memfd() => AdoptAsync(guestMemfd: true);

    [QemuFact]
    public Task Signals_and_the_exit_status_are_qemus() => RunAsync(guestMemfd: false, async (daemon, _) =>
    {
        await using var qemu = await QemuProcess.WrapAsync(daemon, ["m"], Machine);
        await qemu.UntilRunningAsync();
        // It has gone on as QEMU.
        Assert.StartsWith("qemu-system", await File.ReadAllTextAsync($"/proc/{qemu.Pid}/comm"), StringComparison.Ordinal);
        qemu.Signal(DaemonFixture.SigTerm);
        Assert.Equal(0, await qemu.WaitForExitAsync());
    });

    [QemuFact(NeedsCpr = true)]
    public Task Signals_and_the_exit_status_pass_through() => RunAsync(guestMemfd: true, async (daemon, client) =>
    {
        await using (var qemu = await QemuProcess.WrapAsync(daemon, ["m"], Machine))
        {
            await qemu.UntilRunningAsync();
            qemu.Signal(DaemonFixture.SigTerm);
            Assert.Equal(0, await qemu.WaitForExitAsync());
            Assert.Contains("terminating on signal 15", qemu.Output, StringComparison.Ordinal);
        }
        await using (var qemu = await QemuProcess.WrapAsync(daemon, ["m"], Machine))
        {
            await qemu.UntilRunningAsync();
            var pid = (await LoanAsync(client)).GetProperty("borrowers")[0].GetProperty("pid").GetInt32();
            Assert.Equal(0, Tmds.Linux.LibC.kill(pid, DaemonFixture.SigKill));
            Assert.Equal(128 + DaemonFixture.SigKill, await qemu.WaitForExitAsync());
        }
        Assert.Empty(Directory.EnumerateDirectories(Path.GetTempPath(), $"qemu-hostmem-{Environment.ProcessId}-*"));
    });

    [QemuFact]
    public Task What_does_not_fit_is_refused_before_qemu_starts() => RunAsync(guestMemfd: false, async (daemon, client) =>
    {
        await client.ExchangeAsync(
            """{"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "private", "size": 67108864, "share": false}}""", Done);
        await RefusedAsync(daemon, ["private"], "cannot be had: writes to it stay with the daemon ('share=off'), use 'share=on'");
        await RefusedAsync(daemon, ["missing"], "Device 'missing' not found");
        await RefusedAsync(daemon, ["m"], "has 67108864 bytes, and QEMU's RAM is '-m 128M': they must be equal",
            [.. Machine.Select(text => text.StartsWith("64M,", StringComparison.Ordinal) ? "128M" : text)]);
        await RefusedAsync(daemon, ["m"], "is named by an '-object' of QEMU too", [.. Machine, "-object", "memory-backend-ram,id=m,size=1M"]);
        await using var holder = await QemuProcess.WrapAsync(daemon, ["m"], Machine);
        await RefusedAsync(daemon, ["m"], "it is held by qemu-system");
    });

    [QemuFact(NeedsCpr = true)]
    public Task Guest_memfd_is_refused_in_the_wrong_size_and_to_a_second_qemu() => RunAsync(guestMemfd: true, async (daemon, _) =>
    {
        await RefusedAsync(daemon, ["m"], "they must be equal", [.. Machine.Select(text => text.Replace("64M,", "128M,", StringComparison.Ordinal))]);
        await RefusedAsync(daemon, ["m"], "cannot be used where memory goes by CPR", [.. Machine, "-daemonize"]);
        await using var holder = await QemuProcess.WrapAsync(daemon, ["m"], Machine);
        await RefusedAsync(daemon, ["m"], "it is held by qemu-system");
    });

    /// <summary>Every page of RAM as QEMU reads it is as the file has it, while the guest stands still; and SeaBIOS did run there.</summary>
    private async Task CompareAsync(DaemonFixture daemon, QmpClient client, QemuProcess qemu)
    {
        await qemu.UntilRunningAsync();
        using var file = await FileAsync(client, "m");
        using var memory = Map(file);
        await Eventually.TrueAsync(() => Written(memory) > 20, () => $"SeaBIOS has written {Written(memory)} pages");
        Success(await qemu.AskAsync("""{"execute": "stop"}"""));

        foreach (var (from, length) in Ram)
        {
            var seen = await qemu.ReadMemoryAsync(daemon.Directory, from, length);
            var ours = new byte[length];
            memory.Read(from, ours);
            for (var page = 0; page < (int)length; page += 4096)
                Assert.True(seen.AsSpan(page, 4096).SequenceEqual(ours.AsSpan(page, 4096)), $"page 0x{from + (ulong)page:x} differs");
        }
        // And xp, the human's way, reads the same.
        var text = await QemuProcess.HumanAsync(qemu.Client, "xp /4xw 0");
        var words = text.Trim().Split(": ")[1].Split(' ').Select(word => Convert.ToUInt32(word, 16));
        var first = new byte[16];
        memory.Read(0, first);
        Assert.Equal(Enumerable.Range(0, 4).Select(index => BitConverter.ToUInt32(first, index * 4)), words);
    }

    /// <summary>Pages in which something else than zeros stands.</summary>
    private static int Written(MappedMemory memory)
    {
        var page = new byte[4096];
        return Ram.Sum(range => Enumerable.Range(0, (int)(range.Length / 4096)).Count(number =>
        {
            memory.Read(range.From + ((ulong)number * 4096), page);
            return page.AsSpan().ContainsAnyExcept((byte)0);
        }));
    }

    /// <summary>A pattern, kill -9, a second QEMU, the same bytes; twenty times in a row.</summary>
    private Task AdoptAsync(bool guestMemfd) => RunAsync(guestMemfd, async (daemon, client) =>
    {
        // As a DIMM: nobody but the guest's OS, which there is none of, writes there.
        string[] machine = ["-M", "q35,accel=kvm", "-m", "64M,slots=4,maxmem=1G", "-nodefaults", "-display", "none", "-device", "pc-dimm,id=d,memdev=m", "-S"];
        using var file = await FileAsync(client, "m");
        using var memory = Map(file);
        var bytes = new byte[Size];
        new Random(1).NextBytes(bytes);
        memory.Write(0, bytes);
        var expected = SHA256.HashData(bytes);
        await client.ExchangeAsync(
            """{"execute": "event-subscribe", "arguments": {"events": ["MEMORY_LOAN_CHANGE"]}}""", """{"return": "$any"}""");
        for (var round = 0; round < 20; round++)
        {
            var pid = 0;
            await using (var qemu = await QemuProcess.WrapAsync(daemon, ["m"], machine))
            {
                pid = (await ReceiveChangeAsync(client, "held")).GetProperty("pid").GetInt32();
                Assert.Equal(expected, SHA256.HashData(await qemu.ReadMemoryAsync(daemon.Directory, Dimms, Size)));
                Assert.Equal(0, Tmds.Linux.LibC.kill(pid, DaemonFixture.SigKill));
                await qemu.WaitForExitAsync();
            }
            // This process has it too, by the descriptor, so it is not lost; the borrower is gone all the same.
            Assert.Equal(pid, (await ReceiveChangeAsync(client, null)).GetProperty("pid").GetInt32());
            memory.Read(0, bytes);
            Assert.Equal(expected, SHA256.HashData(bytes));
        }
    });

    private static async Task<JsonElement> ReceiveChangeAsync(QmpClient client, string? state)
    {
        var data = (await client.ReceiveAsync()).GetProperty("data");
        Assert.True(state is null || data.GetProperty("state").GetString() == state, data.GetRawText());
        return data;
    }

    private static async Task RefusedAsync(DaemonFixture daemon, string[] backends, string text, string[]? arguments = null)
    {
        var (status, output) = await QemuProcess.RefuseAsync(daemon, backends, arguments ?? Machine);
        Assert.Equal(1, status);
        Assert.StartsWith("qemu-hostmem: ", output, StringComparison.Ordinal);
        Assert.Contains(text, output, StringComparison.Ordinal);
        Assert.Single(output.Trim().Split('\n'));
    }

    internal static async Task<JsonElement> LoanAsync(QmpClient client)
    {
        var reply = await client.AskAsync("""{"execute": "query-memory-loans", "arguments": {"memdev": "m"}}""");
        return reply.GetProperty("return")[0];
    }

    private static async Task<SafeFileHandle> FileAsync(QmpClient client, string memdev) =>
        Assert.Single((await client.RequestDescriptorAsync(memdev)).Descriptors);

    private MappedMemory Map(SafeFileHandle file) => MappedMemory.Create(_kernel, new MappingOptions { Size = Size, File = file, Shared = true });

    private static void Success(JsonElement reply) => Assert.True(reply.TryGetProperty("return", out _), reply.GetRawText());

    private static Task AddAsync(QmpClient client, string id, bool guestMemfd) => client.ExchangeAsync(
        $$$"""
        {"execute": "object-add", "arguments": {"qom-type": "memory-backend-memfd", "id": "{{{id}}}", "size": {{{Size}}},
          "guest-memfd": {{{(guestMemfd ? "true" : "false")}}}} }
        """, Done);

    internal static Task RunAsync(bool guestMemfd, Func<DaemonFixture, QmpClient, Task> work) =>
        DaemonFixture.RunAsync($"-machine none {(guestMemfd ? "" : "-lend-dir {dir}/lend")}", async daemon =>
        {
            await using var client = await daemon.ConnectAsync();
            await AddAsync(client, "m", guestMemfd);
            await work(daemon, client);
        });
}
