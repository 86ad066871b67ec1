using BenchmarkDotNet.Attributes;
using Hostmemd.Protocol.Wire;

namespace Hostmemd.Benchmarks;

/// <summary>Bytes to tokens, and bytes to values, in the pieces in which a socket gives them.</summary>
public class JsonReading
{
    private const int Piece = 64 * 1024;

    private readonly JsonLexer _lexer = new();
    private readonly JsonReader _reader = new();
    private byte[] _message = [];

    [Params("small", "string 1 MB", "escapes 1 MB", "deep", "many tokens")]
    public string Message { get; set; } = "";

    [GlobalSetup]
    public void MakeMessage() => _message = Inputs.Of(Message);

    [Benchmark]
    public int Lexer()
    {
        var tokens = 0;
        for (var at = 0; at < _message.Length; at += Piece)
        {
            ReadOnlySpan<byte> rest = _message.AsSpan(at, Math.Min(Piece, _message.Length - at));
            while (_lexer.TryCut(rest, out var used, out _))
            {
                rest = rest[used..];
                tokens++;
            }
        }
        return tokens;
    }

    [Benchmark]
    public int Reader()
    {
        var values = 0;
        for (var at = 0; at < _message.Length; at += Piece)
        {
            ReadOnlySpan<byte> rest = _message.AsSpan(at, Math.Min(Piece, _message.Length - at));
            while (_reader.TryRead(rest, out var used, out _))
            {
                rest = rest[used..];
                values++;
            }
        }
        return values == 1 ? values : throw new InvalidOperationException($"{values} values in one message");
    }
}
