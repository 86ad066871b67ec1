namespace Hostmemd.Protocol.Schema;

/// <summary>The special features that query-qmp-schema shows at a command, event, member or enum value.</summary>
[Flags]
public enum Features
{
    None = 0,

    /// <summary>Ours, not QEMU's. Clients test this feature, not the name.</summary>
    Hostmemd = 1,

    /// <summary>May change or go.</summary>
    Unstable = 2,

    Deprecated = 4,

    /// <summary>QEMU's mark at device_add: the command line takes its JSON form.</summary>
    JsonCli = 8,

    /// <summary>QEMU's mark at device_add: and the device can be unplugged afterwards.</summary>
    JsonCliHotplug = 16,

    /// <summary>QEMU's mark at human-monitor-command, about savevm and loadvm in it.</summary>
    SavevmMonitorNodes = 32,
}
