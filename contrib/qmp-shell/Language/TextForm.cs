namespace Hostmemd.QmpShell.Language;

/// <summary>How a text stood in the line, which says how free its reading is.</summary>
internal enum TextForm
{
    /// <summary>A word, as in <c>size=1G</c>.</summary>
    Plain,

    /// <summary>A word with quotes, which keep blanks together and commas from separating: <c>id="m 2"</c>.</summary>
    Quoted,

    /// <summary>A word within brackets: <c>[1, on]</c>. There null is null.</summary>
    Bare,

    /// <summary>A string within brackets, as JSON or Python write it: never anything else.</summary>
    Literal,
}
