using Hostmemd.Protocol.Schema;

namespace Hostmemd.Api;

/// <summary>The arguments of object-add.</summary>
internal sealed class ObjectOptions : IQapiType
{
    public static readonly EnumTable<ObjectType> Types = new(
        "ObjectType",
        (ObjectType.Iothread, "iothread", Features.None),
        (ObjectType.MemoryBackendEpc, "memory-backend-epc", Features.None),
        (ObjectType.MemoryBackendFile, "memory-backend-file", Features.None),
        (ObjectType.MemoryBackendGuestMemfd, "memory-backend-guest-memfd", Features.Hostmemd),
        (ObjectType.MemoryBackendMemfd, "memory-backend-memfd", Features.None),
        (ObjectType.MemoryBackendRam, "memory-backend-ram", Features.None),
        (ObjectType.MemoryBackendShm, "memory-backend-shm", Features.None),
        (ObjectType.ThreadContext, "thread-context", Features.None));

    internal ObjectType QomType;
    internal string Id = "";
    // Of these only the type's own is there.
    internal IothreadProperties Iothread = null!;
    internal EpcProperties Epc = null!;
    internal FileProperties File = null!;
    internal GuestMemfdProperties GuestMemfd = null!;
    internal MemfdProperties Memfd = null!;
    internal MemoryBackendProperties Ram = null!;
    internal ShmProperties Shm = null!;
    internal ThreadContextProperties ThreadContext = null!;

    public static string TypeName => "ObjectOptions";

    /// <summary>The properties, where it is a memory backend.</summary>
    public MemoryBackendProperties? Backend => QomType switch
    {
        ObjectType.MemoryBackendEpc => Epc,
        ObjectType.MemoryBackendFile => File,
        ObjectType.MemoryBackendGuestMemfd => GuestMemfd,
        ObjectType.MemoryBackendMemfd => Memfd,
        ObjectType.MemoryBackendRam => Ram,
        ObjectType.MemoryBackendShm => Shm,
        _ => null,
    };

    /// <summary>What the memory is called in errors and in /proc.</summary>
    public string MemoryName => Backend?.UseCanonicalPathForRamblockId == true ? "/objects/" + Id : Id;

    /// <summary>What object-add would have to be given for a backend with these properties.</summary>
    public static ObjectOptions Of(ObjectType type, string id, MemoryBackendProperties properties)
    {
        var options = new ObjectOptions { QomType = type, Id = id };
        switch (properties)
        {
            case FileProperties file: options.File = file; break;
            case GuestMemfdProperties guestMemfd: options.GuestMemfd = guestMemfd; break;
            case MemfdProperties memfd: options.Memfd = memfd; break;
            case ShmProperties shm: options.Shm = shm; break;
            default: options.Ram = properties; break;
        }
        return options;
    }

    public void Visit(Visitor v)
    {
        v.Enum("qom-type", ref QomType, Types, "what kind of object");
        v.Required("id", ref Id, "its id: a letter, then letters, digits, '-', '.', '_'");
        v.Branch("qom-type", "iothread", QomType == ObjectType.Iothread, ref Iothread);
        v.Branch("qom-type", "memory-backend-epc", QomType == ObjectType.MemoryBackendEpc, ref Epc);
        v.Branch("qom-type", "memory-backend-file", QomType == ObjectType.MemoryBackendFile, ref File);
        v.Branch("qom-type", "memory-backend-guest-memfd", QomType == ObjectType.MemoryBackendGuestMemfd, ref GuestMemfd);
        v.Branch("qom-type", "memory-backend-memfd", QomType == ObjectType.MemoryBackendMemfd, ref Memfd);
        v.Branch("qom-type", "memory-backend-ram", QomType == ObjectType.MemoryBackendRam, ref Ram);
        v.Branch("qom-type", "memory-backend-shm", QomType == ObjectType.MemoryBackendShm, ref Shm);
        v.Branch("qom-type", "thread-context", QomType == ObjectType.ThreadContext, ref ThreadContext);
    }
}
