namespace Hostmemd.Startup;

/// <summary>What -help prints.</summary>
internal static class HelpText
{
    public const string Text =
        """
        hostmemd: owns guest memory, driven over QMP

        usage: hostmemd [options]     (each with one dash or two)

        QMP
          -qmp unix:PATH[,server=on][,wait=off][,abstract=on][,tight=off][,readonly=on][,mode=0660][,group=NAME]
                                      listen on a Unix socket; may be given several times, as -chardev and -mon may;
                                      without it: hostmemd.sock in $XDG_RUNTIME_DIR, or in /run as root
          -chardev socket,id=ID,path=PATH|fd=N[,...]   the same in two steps; fd: a socket that listens already
          -mon chardev=ID,mode=control[,id=ID]
          -metrics unix:PATH[,...]    figures for OpenMetrics, by GET /metrics over HTTP
        guest
          -machine none|q35[,accel=A[:B...]][,memory-backend=ID]
                                      (or -M) q35 is its memory map alone; default none
          -accel kvm[,dirty-ring-size=N]|none
                                      default: kvm where /dev/kvm opens, else none; tcg and qtest mean none
          -m SIZE[,slots=N,maxmem=SIZE]        RAM and what can be plugged; default 0 on none, 128M on q35
          -object TYPE,id=ID[,...]    make an object at the start; JSON as well;
                                      "-object help" lists the types, "-object TYPE,help" the properties,
                                      and so do -machine, -accel and -device
          -numa node,memdev=ID[,nodeid=N]      the machine's memory by NUMA nodes
          -device pc-dimm,memdev=ID[,...]      plug a DIMM at the start; JSON as well
          -S                          do not count as running until 'cont'
          -name NAME   -uuid UUID
        process
          -daemonize                  go into the background when clients can connect, with status 0 then
          -lend-dir DIR[,owner=USER][,group=NAME][,mode=0600]
                                      names for memory that others may open; owner, group and mode are the memory's
          -keep none|systemd|process[,restart=on]
                                      who keeps memory when the daemon is killed, and starts it again; default process
          -adopt PID:FD               take over memory of a killed daemon that process PID has open as FD
          -pidfile FILE               written when the sockets listen, removed at the end
          -D FILE                     log to FILE instead of stderr
          -d commands                 log every command
          -version   -help
        accepted, as there is nothing to switch off
          -nographic -nodefaults -no-user-config -display none -sandbox off

        """;
}
