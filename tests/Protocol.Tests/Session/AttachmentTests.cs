using System.Text;

namespace Hostmemd.Protocol.Tests.Session;

/// <summary>What goes out beside a reply: with its first byte, once, and disposed whatever happens.</summary>
public sealed class AttachmentTests : IDisposable
{
    private readonly TestGuest _guest = new();
    private readonly SemaphoreSlim _mayLeave = new(0);
    private readonly List<string> _sent = [];
    private TestSession _session = null!;

    [Fact]
    public async Task It_goes_with_the_first_byte_and_the_rest_of_the_reply_without()
    {
        await using var session = await ConnectAsync();
        _mayLeave.Release(2);
        await session.SendAsync(
            Attach("a"), """{"execute": "echo", "arguments": {"text": "between"}}""", Attach("b"));
        await session.ExpectAsync("""{"return": {}}""", """{"return": {"text": "between"}}""", """{"return": {}}""");
        // One byte with each; the sender is only given the reply's own.
        Assert.Equal(["""a {"return": {}}""", """b {"return": {}}"""], _sent);
        Assert.All(_guest.Attachments, attachment => Assert.True(attachment.IsDisposed));
    }

    [Fact]
    public async Task A_reply_that_is_an_error_takes_none()
    {
        await using var session = await ConnectAsync();
        await session.SendAsync(Attach("failing"), """{"execute": "echo", "arguments": {"text": "next"}}""");
        await session.ExpectAsync("""{"error": {"class": "GenericError", "desc": "as told"}}""", """{"return": {"text": "next"}}""");
        Assert.Empty(_sent);
        Assert.All(_guest.Attachments, attachment => Assert.True(attachment.IsDisposed));
    }

    [Fact]
    public async Task An_out_of_band_reply_in_between_takes_none()
    {
        await using var session = await ConnectAsync(oob: true);
        await session.SendAsync(Attach("held"));
        await _guest.At("held").ReachedAsync();
        await session.SendAsync("""{"exec-oob": "echo-oob", "arguments": {"text": "first"}}""");
        await session.ExpectAsync("""{"return": {"text": "first"}}""");
        _mayLeave.Release();
        _guest.At("held").Open();
        await session.ExpectAsync("""{"return": {}}""");
        Assert.Equal(["""held {"return": {}}"""], _sent);
    }

    [Fact]
    public async Task What_still_waits_when_the_client_goes_is_disposed()
    {
        var session = await ConnectAsync();
        await session.SendAsync(Attach("stuck"), Attach("waiting"), Attach("held"));
        await _guest.At("held").ReachedAsync();
        Assert.All(_guest.Attachments, attachment => Assert.False(attachment.IsDisposed));
        session.Session.Dispose();
        // The one that is on its way is its sender's, which then finds the connection closed.
        session.Vanish();
        _mayLeave.Release();
        foreach (var attachment in _guest.Attachments)
            await attachment.DisposedAsync();
        Assert.Equal(3, _guest.Attachments.Count);
        _guest.At("held").Open();
        await session.DisposeAsync();
    }

    [Fact]
    public async Task What_is_attached_after_the_client_went_is_disposed_at_once()
    {
        await using var session = await ConnectAsync();
        session.Session.Dispose();
        using var attachment = new TestAttachment("late");
        session.Session.Attach(attachment);
        Assert.True(attachment.IsDisposed);
    }

    [Fact]
    public async Task Requests_are_not_read_while_too_many_wait()
    {
        await using var session = await ConnectAsync();
        const int Count = 100;
        await session.SendAsync([.. Enumerable.Range(0, Count).Select(i => Attach($"{i}"))]);
        for (var i = 0; i < Count; i++)
        {
            // 16 wait; one is on its way; with the limit reached, 9 commands may have been read already.
            Assert.InRange(_guest.Attachments.Count(attachment => !attachment.IsDisposed), 0, 16 + 1 + 9);
            _mayLeave.Release();
            await session.ExpectAsync("""{"return": {}}""");
        }
        Assert.Equal(Count, _sent.Count);
    }

    [Fact]
    public async Task A_connection_that_carries_bytes_alone_says_so()
    {
        await using var plain = await TestSession.NegotiatedAsync();
        await using var able = await ConnectAsync();
        Assert.False(plain.Session.CanAttach);
        Assert.True(able.Session.CanAttach);
    }

    public void Dispose() => _mayLeave.Dispose();

    private static string Attach(string name) => $$$"""{"execute": "attach", "arguments": {"name": "{{{name}}}"}}""";

    private async Task<TestSession> ConnectAsync(bool oob = false) =>
        _session = await TestSession.NegotiatedAsync(oob, _guest, sendAttached: SendAsync);

    /// <summary>Sends one byte, as a socket that is nearly full would, when the test lets it.</summary>
    private async ValueTask<int> SendAsync(ReadOnlyMemory<byte> utf8, IDisposable attachment)
    {
        await _mayLeave.WaitAsync(TestSession.Patience);
        Assert.False(((TestAttachment)attachment).IsDisposed);
        _sent.Add($"{((TestAttachment)attachment).Name} {Encoding.ASCII.GetString(utf8.Span).TrimEnd()}");
        await _session.WriteAsServerAsync(utf8[..1]);
        return 1;
    }
}
