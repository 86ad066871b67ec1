namespace Hostmemd.QmpShell.Transcript;

/// <summary>The file is no transcript; the message starts with <c>FILE:LINE: </c>.</summary>
internal sealed class TranscriptFormatException(string path, int lineNumber, string problem, Exception? inner = null)
    : Exception($"{path}:{lineNumber}: {problem}", inner);
