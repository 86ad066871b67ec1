namespace Hostmemd.QmpShell.Editing;

/// <summary>What keys mean beside those that mean the same everywhere.</summary>
internal interface IKeyBindings
{
    /// <summary>A new line begins.</summary>
    void Begin();

    /// <summary>Carries out a key.</summary>
    void Press(Key key, LineEditor editor);
}
