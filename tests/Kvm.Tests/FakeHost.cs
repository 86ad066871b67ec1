namespace Hostmemd.Kvm.Tests;

/// <summary>A scratch folder with the files in which a host tells of its huge pages and control groups; empty at first.</summary>
public sealed class FakeHost : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("hostmemd-host-");

    public FakeHost() => Files = new HostFiles(_root.FullName);

    public HostFiles Files { get; }

    public FakeHost With(string path, string text)
    {
        var file = _root.FullName + path;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return this;
    }

    /// <summary>A pool of pages of 2 MiB.</summary>
    public FakeHost WithPool(int total, int free, int reserved, int surplus = 0, int overcommit = 0)
    {
        const string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
        return With(pool + "nr_hugepages", $"{total}\n")
            .With(pool + "free_hugepages", $"{free}\n")
            .With(pool + "resv_hugepages", $"{reserved}\n")
            .With(pool + "surplus_hugepages", $"{surplus}\n")
            .With(pool + "nr_overcommit_hugepages", $"{overcommit}\n");
    }

    public FakeHost WithNode(int node, int total, int free)
    {
        var pool = $"/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/";
        return With(pool + "nr_hugepages", $"{total}\n").With(pool + "free_hugepages", $"{free}\n").With(pool + "surplus_hugepages", "0\n");
    }

    /// <summary>This process in a group of version 2, which is all there is; its files are below /sys/fs/cgroup.</summary>
    public FakeHost WithGroup(string group) => With("/proc/self/cgroup", $"0::{group}\n")
        .With("/proc/self/mountinfo", "25 20 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");

    public void Dispose() => _root.Delete(recursive: true);
}
