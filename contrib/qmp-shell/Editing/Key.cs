namespace Hostmemd.QmpShell.Editing;

/// <summary>A key that was pressed.</summary>
/// <param name="Name">What it is; <see cref="KeyName.Text"/> for characters.</param>
/// <param name="Text">The characters; for <see cref="KeyName.Control"/> and <see cref="KeyName.Meta"/> the letter, in lower case.</param>
internal readonly record struct Key(KeyName Name, string Text = "")
{
    public bool IsControl(char letter) => Name == KeyName.Control && Text[0] == letter;

    public bool IsMeta(char letter) => Name == KeyName.Meta && Text[0] == letter;
}
