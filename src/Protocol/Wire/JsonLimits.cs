namespace Hostmemd.Protocol.Wire;

/// <summary>How large one value may be, as in QEMU 11.1.3.</summary>
internal static class JsonLimits
{
    /// <summary>Open braces and brackets.</summary>
    public const int MaxDepth = 1024;

    /// <summary>Tokens in one value.</summary>
    public const int MaxTokens = 2 * 1024 * 1024;

    /// <summary>Bytes of tokens in one value.</summary>
    public const long MaxTokenBytes = 64 * 1024 * 1024;
}
