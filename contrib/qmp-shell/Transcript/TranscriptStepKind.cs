namespace Hostmemd.QmpShell.Transcript;

/// <summary>What a line of a transcript asks for; docs/transcripts.md has the table.</summary>
internal enum TranscriptStepKind
{
    /// <summary><c>-&gt;</c>: the text and one LF are sent.</summary>
    Send,

    /// <summary><c>=&gt;</c>: bytes are sent as they are.</summary>
    SendBytes,

    /// <summary><c>=fd&gt;</c>: bytes are sent with a memfd attached.</summary>
    SendMemfd,

    /// <summary><c>&lt;-</c>: the next message equals this value.</summary>
    Receive,

    /// <summary><c>&lt;=</c>: the next line from the server is these very bytes.</summary>
    ReceiveBytes,

    /// <summary><c>&lt;~</c>: this event comes somewhere between the send above it and the end.</summary>
    Event,

    /// <summary><c>==</c>: something that is neither sent nor received.</summary>
    Directive,
}
