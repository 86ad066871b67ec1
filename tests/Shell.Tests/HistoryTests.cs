using Hostmemd.QmpShell.Editing;

namespace Hostmemd.QmpShell.Tests;

public sealed class HistoryTests
{
    [Fact]
    public void Two_shells_on_one_server_keep_the_lines_of_both()
    {
        using var directory = new ScratchDirectory();
        string path = Path.Combine(directory.Path, "state", "server");
        var one = new History(path);
        var other = new History(path);
        one.Add("a");
        other.Add("b");
        one.Add("c");

        Assert.Equal(["a", "b", "c"], new History(path).Lines);
        Assert.Equal(["a", "c"], one.Lines);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void A_history_that_cannot_be_kept_is_no_reason_to_stop()
    {
        var history = new History("/proc/nobody/history");
        history.Add("a");

        Assert.Equal(["a"], history.Lines);
    }
}
