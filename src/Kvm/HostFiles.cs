using System.Globalization;

namespace Hostmemd.Kvm;

/// <summary>Small text files in which the kernel tells about the host: /proc, /sys and what is mounted there. Any thread.</summary>
/// <remarks>What is missing, unreadable or no number is unknown (null) and never an error: it only serves to decide and to explain.</remarks>
/// <param name="root">Put before every path; "/" for this host.</param>
public sealed class HostFiles(string root)
{
    /// <summary>More than the mount table of a host with thousands of containers has.</summary>
    private const int MaxSize = 4 << 20;

    private readonly string _root = root.TrimEnd('/');

    /// <summary>This host's.</summary>
    public static HostFiles ThisHost { get; } = new("/");

    /// <summary>The text of a file.</summary>
    /// <param name="path">Absolute, as the kernel would take it.</param>
    public string? TryRead(string path)
    {
        try
        {
            // Files of the kernel say length 0, so the end is found by reading.
            using var file = new FileStream(_root + path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var text = new byte[4096];
            var length = 0;
            while (true)
            {
                var read = file.Read(text, length, text.Length - length);
                if (read == 0)
                    return System.Text.Encoding.UTF8.GetString(text, 0, length);
                length += read;
                if (length == MaxSize)
                    return null;
                if (length == text.Length)
                    Array.Resize(ref text, text.Length * 2);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>How many lines a file has, however long it is.</summary>
    public ulong? TryCountLines(string path)
    {
        try
        {
            using var file = new FileStream(_root + path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            var text = new byte[16384];
            var lines = 0UL;
            while (file.Read(text) is > 0 and var read)
                lines += (ulong)text.AsSpan(0, read).Count((byte)'\n');
            return lines;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>A file that holds one number, in decimal digits and nothing else.</summary>
    public ulong? TryReadNumber(string path) => TryNumber(TryRead(path));

    /// <summary>Names of what is in a directory; none where it cannot be read.</summary>
    public IReadOnlyList<string> List(string path)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(_root + path).Select(Path.GetFileName).OfType<string>()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    internal static ulong? TryNumber(string? text) =>
        ulong.TryParse(text.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
