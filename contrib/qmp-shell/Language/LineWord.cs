namespace Hostmemd.QmpShell.Language;

/// <summary>One word of a line.</summary>
/// <param name="Key">What stands before the first <c>=</c>; null for a word without.</param>
/// <param name="Value">What stands behind it, or the whole word.</param>
internal readonly record struct LineWord(string? Key, LineValue Value)
{
    /// <summary>The word where it has no key, no quotes and no brackets; else empty.</summary>
    public string Plain => Key is null && Value is LineValue.Text { Form: TextForm.Plain, Value: var text } ? text : "";
}
