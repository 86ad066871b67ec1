namespace Hostmemd.QmpShell.Output;

/// <summary>The line that is being typed, which gives way to what is printed.</summary>
internal interface IEditedLine
{
    /// <summary>Takes it off the screen.</summary>
    void Erase(TextWriter terminal);

    /// <summary>Puts it back, below what was printed.</summary>
    void Draw(TextWriter terminal);
}
