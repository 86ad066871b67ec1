using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Hostmemd.Kvm.Native;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hostmemd.Daemon.Tests.Support;

/// <summary>Receives from a client's socket with the descriptors that come along, which streams would lose.</summary>
internal static class DescriptorSocket
{
    /// <summary>Whatever comes next, at most so many bytes.</summary>
    public static async Task<(string Text, List<SafeFileHandle> Descriptors)> ReceiveWithDescriptorsAsync(this QmpClient client, int size)
    {
        using var limit = new CancellationTokenSource(QmpClient.Patience);
        var buffer = new byte[size];
        var descriptors = new List<SafeFileHandle>();
        while (true)
        {
            var message = SocketMessages.Receive(client.Socket!.SafeHandle, buffer, descriptors);
            if (!message.WouldBlock)
            {
                Assert.False(message.DescriptorsLost);
                Assert.NotEqual(0, message.Bytes);
                return (Encoding.ASCII.GetString(buffer, 0, message.Bytes), descriptors);
            }
            await client.Socket!.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None, limit.Token);
        }
    }

    /// <summary>Asks for a backend's descriptor: the reply, and what came along.</summary>
    public static async Task<(JsonElement Reply, List<SafeFileHandle> Descriptors)> RequestDescriptorAsync(this QmpClient client, string memdev)
    {
        await client.SendAsync($$$"""{"execute": "memory-backend-send-fd", "arguments": {"memdev": "{{{memdev}}}"} }""");
        var text = new StringBuilder();
        var all = new List<SafeFileHandle>();
        while (!text.ToString().EndsWith('\n'))
        {
            var (bytes, descriptors) = await client.ReceiveWithDescriptorsAsync(4096);
            text.Append(bytes);
            all.AddRange(descriptors);
        }
        return (JsonDocument.Parse(text.ToString()).RootElement, all);
    }
}
