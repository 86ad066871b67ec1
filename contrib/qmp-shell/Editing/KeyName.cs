namespace Hostmemd.QmpShell.Editing;

internal enum KeyName
{
    Text,
    Control,
    Meta,
    Enter,
    Tab,
    Escape,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,

    /// <summary>One that is known to no binding here.</summary>
    Other,
}
