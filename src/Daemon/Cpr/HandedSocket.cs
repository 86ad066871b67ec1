using Hostmemd.Protocol.Schema;
using Hostmemd.Sessions;
using Hostmemd.Startup;

namespace Hostmemd.Cpr;

/// <summary>A socket that listens. The next program knows it by what its own command line says of it.</summary>
internal sealed class HandedSocket : IQapiType
{
    internal string Path = "";
    internal bool Abstract;
    internal long? Given;
    internal bool OfServiceManager;
    internal bool ReadOnly;
    internal bool Metrics;
    internal uint Fd;

    public static string TypeName => "HandedSocket";

    public static HandedSocket Of(ListeningSocket socket, bool isMetrics, uint fd)
    {
        var options = socket.Options;
        return new HandedSocket
        {
            Path = PathOf(options),
            Abstract = options.Abstract,
            Given = options.Descriptor,
            OfServiceManager = options.Option == SocketActivation.Option,
            ReadOnly = options.ReadOnly,
            Metrics = isMetrics,
            Fd = fd,
        };
    }

    /// <summary>Whether an option means this socket: the same name, or the same number that it was handed over by.</summary>
    public bool Is(ListenOptions options) => options.Descriptor is { } number
        ? Given == number
        : Given is null && (Abstract, Path) == (options.Abstract, PathOf(options));

    public void Visit(Visitor v)
    {
        v.Required("path", ref Path, "its path from the root, or its abstract name");
        v.Required("abstract", ref Abstract, "it is an abstract name");
        v.Optional("given", ref Given, "the number by which it was handed over");
        v.Required("of-service-manager", ref OfServiceManager, "no option names it");
        v.Required("readonly", ref ReadOnly, "its clients may change nothing");
        v.Required("metrics", ref Metrics, "metrics are read from it");
        v.Required("fd", ref Fd, "the socket");
    }

    private static string PathOf(ListenOptions options) =>
        options.Abstract || options.Path.Length == 0 ? options.Path : System.IO.Path.GetFullPath(options.Path);
}
