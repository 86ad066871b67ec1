namespace Hostmemd.Protocol.Wire;

/// <summary>The tokens of QEMU's JSON dialect.</summary>
internal enum JsonTokenKind
{
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Colon,
    Comma,
    Integer,
    Float,
    Keyword,
    String,

    /// <summary>Bytes that begin no token.</summary>
    Stray,
}
