namespace Hostmemd.Conformance;

public sealed class ServerProcessTests
{
    [Fact]
    public async Task A_server_that_ends_at_once_is_told_with_what_it_printed()
    {
        var directory = new ScratchDirectory();
        await using (ServerProcess server = ServerProcess.Start("/bin/sh", ["-c", "echo no memory left >&2; exit 3"], directory))
        {
            ServerException e = await Assert.ThrowsAsync<ServerException>(() => server.ConnectAsync(CancellationToken.None));

            Assert.Equal("the server exited with status 3: no memory left", e.Message);
        }

        Assert.False(Directory.Exists(directory.Path));
    }

    [Fact]
    public async Task A_running_server_is_ended_by_sigterm()
    {
        var directory = new ScratchDirectory();
        string trace = Path.GetTempFileName();
        string script = $"trap 'echo ended > {trace}; exit' TERM; echo ready; while :; do sleep 0.05; done";
        await using (ServerProcess server = ServerProcess.Start("/bin/sh", ["-c", script], directory))
        {
            while (server.Log != "ready")
                await Task.Delay(10);
        }

        Assert.Equal("ended\n", await File.ReadAllTextAsync(trace));
        File.Delete(trace);
    }

    [Fact]
    public void A_program_that_does_not_exist_is_told()
    {
        ServerException e = Assert.Throws<ServerException>(() => ServerProcess.Start("/nonexistent/server", [], new ScratchDirectory()));

        Assert.StartsWith("cannot run /nonexistent/server: ", e.Message, StringComparison.Ordinal);
    }
}
