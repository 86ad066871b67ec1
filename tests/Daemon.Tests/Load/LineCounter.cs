namespace Hostmemd.Daemon.Tests.Load;

/// <summary>Counts the messages in what a client receives, by the beginning of their lines.</summary>
internal sealed class LineCounter
{
    private readonly byte[] _head = new byte[12];
    private int _headLength;

    public int Greetings { get; private set; }

    public int Events { get; private set; }

    public int Replies { get; private set; }

    public int Errors { get; private set; }

    public void Take(ReadOnlySpan<byte> received)
    {
        while (!received.IsEmpty)
        {
            var end = received.IndexOf((byte)'\n');
            var line = end < 0 ? received : received[..end];
            var part = line[..Math.Min(line.Length, _head.Length - _headLength)];
            part.CopyTo(_head.AsSpan(_headLength));
            _headLength += part.Length;
            if (end < 0)
                return;
            Count(_head.AsSpan(0, _headLength));
            _headLength = 0;
            received = received[(end + 1)..];
        }
    }

    private void Count(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("{\"timestamp"u8))
            Events++;
        else if (head.StartsWith("{\"QMP\""u8))
            Greetings++;
        else if (head.StartsWith("{\"error\""u8))
            (Errors, Replies) = (Errors + 1, Replies + 1);
        else
            Replies++;
    }
}
