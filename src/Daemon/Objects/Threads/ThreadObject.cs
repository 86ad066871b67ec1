using Hostmemd.Api;

namespace Hostmemd.Objects.Threads;

/// <summary>An iothread or a thread-context: an object that is a thread.</summary>
internal sealed class ThreadObject(string id, ObjectType type, ParkedThread thread)
{
    public string Id { get; } = id;

    public ObjectType Type { get; } = type;

    public string TypeName => ObjectOptions.Types.NameOf(Type);

    public string QomPath => "/objects/" + Id;

    /// <summary>The thread's number on the host.</summary>
    public int Tid => thread.Tid;

    /// <summary>Ends the thread.</summary>
    public void Close() => thread.Dispose();
}
