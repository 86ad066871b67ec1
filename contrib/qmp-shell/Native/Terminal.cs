using Tmds.Linux;

namespace Hostmemd.QmpShell.Native;

/// <summary>A terminal's modes and size: tcgetattr(3), tcsetattr(3), ioctl TIOCGWINSZ.</summary>
internal static unsafe class Terminal
{
    private const int DefaultColumns = 80;

    public static bool Is(int fd)
    {
        termios modes;
        // SAFETY: the structure is on this stack frame and as large as the kernel's.
        return LibC.tcgetattr(fd, &modes) == 0;
    }

    /// <summary>A terminal that can move its cursor.</summary>
    public static bool CanMove(int fd) => Is(fd) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Keys come one by one and are not echoed; Ctrl-C and Ctrl-Z stay signals.</summary>
    /// <returns>The modes to give back; null where it is no terminal.</returns>
    public static termios? EnterKeyMode(int fd)
    {
        termios modes;
        // SAFETY: both calls read or fill a structure of this stack frame.
        if (LibC.tcgetattr(fd, &modes) != 0)
            return null;
        termios before = modes;
        modes.c_lflag &= ~(LibC.ICANON | LibC.ECHO | LibC.IEXTEN);
        modes.c_iflag &= ~(LibC.ICRNL | LibC.INLCR | LibC.IXON);
        modes.c_cc[LibC.VMIN] = 1;
        modes.c_cc[LibC.VTIME] = 0;
        _ = LibC.tcsetattr(fd, (int)LibC.TCSADRAIN, &modes);
        return before;
    }

    public static void Restore(int fd, termios modes) => _ = LibC.tcsetattr(fd, (int)LibC.TCSADRAIN, &modes);

    public static int Columns(int fd)
    {
        winsize size;
        // SAFETY: the kernel fills the structure, which is on this stack frame.
        return LibC.ioctl(fd, LibC.TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DefaultColumns;
    }
}
