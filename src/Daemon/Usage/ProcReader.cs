using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Hostmemd.Kvm;

namespace Hostmemd.Usage;

/// <summary>Reads a /proc: its text, its links, its directories. It opens none of the files that processes have open.</summary>
/// <param name="root">Another one in tests.</param>
internal sealed class ProcReader(IKernel kernel, string root = "/proc")
{
    private const int BufferSize = 32 * 1024;
    private const int ReadOnly = 0;

    // struct linux_dirent64: inode and offset of 8 bytes, length of 2, type of 1, the name and a zero byte.
    private const int EntryLength = 16;
    private const int EntryName = 19;

    /// <summary>The processes there are.</summary>
    public IEnumerable<int> Processes() => Numbers(root);

    /// <summary>The descriptors that a process has open.</summary>
    public IEnumerable<int> Descriptors(int pid) => Numbers(PathOf(pid, "fd"));

    /// <summary>What a descriptor is, by name alone.</summary>
    public string DescriptorLink(int pid, int fd) => kernel.ReadLink(PathOf(pid, $"fd/{fd}"));

    public FileStatus DescriptorStatus(int pid, int fd) => kernel.Stat(PathOf(pid, $"fd/{fd}"));

    /// <summary>Lines of /proc/PID/maps, each valid until the next.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Maps(int pid) => Lines(PathOf(pid, "maps"));

    /// <summary>Name and start time of a process.</summary>
    public (string Comm, ulong StartTime) Identity(int pid)
    {
        var status = Status(pid);
        return (status.Comm, status.StartTime);
    }

    /// <summary>The file that a process executes.</summary>
    public string Program(int pid) => kernel.ReadLink(PathOf(pid, "exe"));

    /// <summary>A process that has ended or is on its way out: it closes what it has open before anybody is told of its end.</summary>
    public bool IsEnding(int pid, ulong startTime)
    {
        try
        {
            var status = Status(pid);
            return status.StartTime != startTime || status.IsExiting;
        }
        catch (KernelException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            return true;
        }
    }

    /// <summary>The daemon's own cgroup of version 2; null: none.</summary>
    public string? Cgroup()
    {
        foreach (var line in Lines($"{root}/self/cgroup"))
            if (line.Span.StartsWith("0::"u8))
                return Encoding.UTF8.GetString(line.Span[3..]);
        return null;
    }

    /// <summary>What the kernel says of a process in one line.</summary>
    public ProcessStatus Status(int pid)
    {
        foreach (var line in Lines(PathOf(pid, "stat")))
        {
            // The name may hold parentheses and spaces; what follows the last one is numbers. Line ends in it are escaped.
            var text = Encoding.UTF8.GetString(line.Span);
            var (open, close) = (text.IndexOf('('), text.LastIndexOf(')'));
            if (open < 0 || close < open)
                continue;
            const int parent = 4 - 3, flags = 9 - 3, startTime = 22 - 3; // the third field comes first behind the name
            var fields = text[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > startTime && ulong.TryParse(fields[startTime], CultureInfo.InvariantCulture, out var ticks)
                && int.TryParse(fields[parent], CultureInfo.InvariantCulture, out var parentPid)
                && uint.TryParse(fields[flags], CultureInfo.InvariantCulture, out var bits))
                return new ProcessStatus(text[(open + 1)..close], ticks, parentPid, bits);
        }
        throw new KernelException("read", Errno.ESRCH);
    }

    private string PathOf(int pid, string rest) => string.Create(CultureInfo.InvariantCulture, $"{root}/{pid}/{rest}");

    private IEnumerable<int> Numbers(string path)
    {
        using var directory = kernel.Open(path, ReadOnly, 0);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (kernel.ReadDirectory(directory, buffer) is var length and > 0)
            {
                for (var at = 0; at + EntryName < length;)
                {
                    var size = BitConverter.ToUInt16(buffer, at + EntryLength);
                    if (size <= EntryName || at + size > length)
                        yield break;
                    if (Utf8Parser.TryParse(buffer.AsSpan(at + EntryName, size - EntryName), out int number, out var digits)
                        && digits < size - EntryName && buffer[at + EntryName + digits] == 0)
                        yield return number;
                    at += size;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>A line longer than the buffer comes in pieces.</summary>
    private IEnumerable<ReadOnlyMemory<byte>> Lines(string path)
    {
        using var file = kernel.Open(path, ReadOnly, 0);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            var (filled, offset) = (0, 0UL);
            while (true)
            {
                var count = kernel.Pread(file, buffer.AsSpan(filled), offset);
                offset += (ulong)count;
                filled += count;
                var start = 0;
                while (buffer.AsSpan(start, filled - start).IndexOf((byte)'\n') is var length and >= 0)
                {
                    yield return buffer.AsMemory(start, length);
                    start += length + 1;
                }
                if (start < filled && (count == 0 || start == 0 && filled == buffer.Length))
                {
                    yield return buffer.AsMemory(start, filled - start);
                    start = filled;
                }
                if (count == 0)
                    yield break;
                buffer.AsSpan(start, filled - start).CopyTo(buffer);
                filled -= start;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
