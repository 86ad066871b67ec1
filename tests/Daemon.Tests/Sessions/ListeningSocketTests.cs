using Hostmemd.Sessions;
using Xunit;

namespace Hostmemd.Daemon.Tests.Sessions;

/// <summary>A listening socket is made whole, or the start is refused and no file is left.</summary>
public sealed class ListeningSocketTests
{
    [Fact]
    public void Whichever_call_fails_the_start_is_refused_and_no_file_is_left()
    {
        var directory = Directory.CreateTempSubdirectory("hostmemd");
        var options = new ListenOptions(Path.Combine(directory.FullName, "qmp.sock"));
        try
        {
            var failures = 0;
            while (TryListen(options, failures + 1) is { } error)
            {
                failures++;
                Assert.Equal($"Failed to bind socket to {options.Path}: No space left on device", error.Message);
                Assert.False(File.Exists(options.Path));
            }
            Assert.Equal(3, failures); // the descriptor's duplicate, and the look at the file: open and fstat
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <returns>The refusal; null: fewer calls than that are made, and it listens.</returns>
    private static ListenException? TryListen(ListenOptions options, int failAt)
    {
        var kernel = new FailingKernel(new LinuxKernel());
        kernel.FailAt(failAt);
        try
        {
            ListeningSocket.Bind(options, kernel).Dispose();
            return null;
        }
        catch (ListenException e)
        {
            return e;
        }
    }
}
