using System.Text.Json;

namespace Hostmemd.QmpShell.Transcript;

/// <summary>One line of a transcript that is carried out.</summary>
/// <param name="LineNumber">Where it stands in its file, from 1.</param>
/// <param name="Client">The connection it speaks of, from 1.</param>
/// <param name="Kind">What it asks for.</param>
/// <param name="Text">What follows the arrow, as written.</param>
/// <param name="Value">The expected value of <c>&lt;-</c> and <c>&lt;~</c>; undefined for every other kind.</param>
internal sealed record TranscriptStep(int LineNumber, int Client, TranscriptStepKind Kind, string Text, JsonElement Value)
{
    public bool IsSend => Kind is TranscriptStepKind.Send or TranscriptStepKind.SendBytes or TranscriptStepKind.SendMemfd;
}
