using Hostmemd.Api;
using Hostmemd.Protocol.Schema;
using Hostmemd.Protocol.Wire;
using Hostmemd.Sessions;

namespace Hostmemd.Commands;

/// <summary>The table: every command in one line or two, in the manual's order.</summary>
internal static class CommandList
{
    private const string UsageDoc =
        "Says how much memory the backends really take, and on demand where it is and who has it. "
        + "It is counted outside the guest's state, one such query at a time, so nobody else waits for it. "
        + "Measured, for 1 GiB that is all there: shared memory (memfd, hugetlb) nothing while the host's swap is unused, else as guest_memfd; "
        + "guest_memfd 20 ms; private memory in huge pages 1 ms, in small ones more; placement 220 ms in small pages, 2 ms in huge ones, half of it pauses. "
        + "holders looks through every process: about 0.15 ms each, and 7 us more for each descriptor it has open. "
        + "Not seen are descriptors on their way in a socket, what is kept by a VM's memory slots, processes of other PID namespaces, "
        + "and mappings of files on btrfs and overlayfs. Deleted memory is looked for with holders alone, among the last 1,024 backends that went; "
        + "one that nobody has is forgotten.";

    private const string PreallocDoc =
        "Populates memory of a backend by a job, of type memory-prealloc and with its progress in bytes. Answered at once. Pages that are there keep "
        + "what is in them; cancelled or failed, those that were made stay. The backend cannot be removed meanwhile, and its property prealloc "
        + "turns true when jobs have populated all of it. The job belongs to the guest: a client that leaves does not end it.";

    private const string DirtyRateDoc =
        "Begins to measure how fast guest memory is written. Mode dirty-bitmap counts, by KVM's dirty log, what vCPUs of this VM write and nothing "
        + "else; slots bound by descriptor have none and are refused. Mode dirty-ring does the same where -accel kvm,dirty-ring-size=N has made rings. Mode page-sampling estimates from pages chosen at random, whoever changes them. "
        + "While another process holds a backend it is refused by that process's name. Answered when counting has begun; other commands go on.";

    private const string MigrateDoc =
        "With mode cpr-exec: the process goes on as cpr-exec-command, a hostmemd of this or another version, with the same memory, DIMMs, sockets and "
        + "clients; connections stay, and what clients send meanwhile is answered by the new program, which also answers this command. That program is asked first "
        + "whether it takes such a command line. Refused, with all as it was: while a job is at work, while memory is on its way or lent by vhost, and where "
        + "memory is private.";

    private const string ObjectAddDoc =
        "Makes an object; answered when its memory is there, with prealloc all of its pages. Others see it only then; its id is taken meanwhile. "
        + "Only this session waits, and a client that leaves does not cancel it.";

    public static CommandTable<Client> Create()
    {
        CommandTable<Client> table = null!;
        // The two that describe the table are made from it, once, when first asked for.
        var names = new Lazy<JsonRaw>(() => SchemaText.Commands(table.Commands));
        var schema = new Lazy<JsonRaw>(() => SchemaText.Schema(table.Commands, Events.All));

        List<Command<Client>> commands =
        [
            .. Control(),
            new Command<Client, Nothing, JsonRaw?>(
                "query-commands", "Lists the commands.", Shapes.CachedList<CommandInfo>, (_, _) => new(names.Value))
            { AllowReadOnly = true },
            new Command<Client, Nothing, JsonRaw?>(
                "query-qmp-schema", "Describes commands, events and types.", Shapes.CachedList<SchemaInfo>, (_, _) => new(schema.Value))
            { AllowReadOnly = true },
            .. Objects(),
            .. Memory(),
            .. Jobs(),
            .. Own(),
        ];
        table = new CommandTable<Client>(commands);
        return table;
    }

    private static IEnumerable<Command<Client>> Control() =>
    [
        Query<QmpCapabilitiesArguments, Nothing>(
            "qmp_capabilities", "Ends negotiation: the first command of every session.", Shapes.Struct, ControlCommands.Negotiate),
        Query<Nothing, VersionInfo>("query-version", "Says which interface and which program this is.", Shapes.Struct, (_, _) => ControlCommands.Version),
        Query<Nothing, NameInfo>("query-name", "Says the guest's name.", Shapes.Struct, (client, _) => ControlCommands.QueryName(client)),
        Query<Nothing, UuidInfo>("query-uuid", "Says the guest's UUID.", Shapes.Struct, (client, _) => ControlCommands.QueryUuid(client)),
        Query<Nothing, TargetInfo>("query-target", "Says the guest's architecture.", Shapes.Struct, (_, _) => ControlCommands.QueryTarget()),
        Query<Nothing, StatusInfo>("query-status", "Says whether the guest counts as running.", Shapes.Struct, (client, _) => ControlCommands.QueryStatus(client)),
        Query<Nothing, KvmInfo>(
            "query-kvm", "Says whether KVM is in use; query-accelerators says more.", Shapes.Struct, (client, _) => ControlCommands.QueryKvm(client),
            Features.Deprecated),
        Query<Nothing, AcceleratorInfo>(
            "query-accelerators", "Says which accelerator is in use, and which could be.", Shapes.Struct,
            (client, _) => ControlCommands.QueryAccelerators(client)),
        Query<QueryMachinesArguments, List<MachineInfo>>(
            "query-machines", "Lists the machines: memory maps that the program can be started with.", Shapes.StructList,
            (_, arguments) => MachineCommands.QueryMachines(arguments)),
        Query<QueryCommandLineOptionsArguments, List<CommandLineOptionInfo>>(
            "query-command-line-options", "Lists the options whose argument is of keys and values.", Shapes.StructList,
            (_, arguments) => MachineCommands.QueryCommandLineOptions(arguments)),
        Query<Nothing, List<MigrationCapabilityStatus>>(
            "query-migrate-capabilities", "Lists the capabilities of migration: none.", Shapes.StructList,
            (_, _) => MachineCommands.QueryMigrateCapabilities()),
        Act<MigrateSetParametersArguments>(
            "migrate-set-parameters", "Sets what migrate does: with mode cpr-exec the process goes on as another program.", MigrationCommands.SetParameters),
        new Command<Client, MigrateArguments, Nothing>("migrate", MigrateDoc, Shapes.Struct, MigrationCommands.MigrateAsync) { StopsReading = true },
        Query<Nothing, List<ChardevInfo>>(
            "query-chardev", "Lists the sockets that the daemon listens on for QMP.", Shapes.StructList,
            (client, _) => MachineCommands.QueryChardev(client)),
        Act<Nothing>("stop", "Makes a running guest count as stopped.", (client, _) => ControlCommands.Stop(client)),
        Act<Nothing>("cont", "Makes the guest count as running.", (client, _) => ControlCommands.Cont(client)),
        Act<Nothing>("system_reset", "Resets the guest; its memory stays as it is.", (client, _) => ControlCommands.Reset(client)),
        Act<Nothing>("system_powerdown", "Asks the guest to power down; no guest OS reacts here.", (client, _) => ControlCommands.Powerdown(client)),
        ActSlowly<Nothing>("quit", "Ends the daemon, and first the jobs.", (client, _) => ControlCommands.QuitAsync(client)),
        new Command<Client, HumanMonitorArguments, string>(
            "human-monitor-command", "Carries out a line of the human monitor: help, xp, and info with what help info lists.",
            Shapes.Text, (client, arguments) => new(HumanCommands.Run(client, arguments)))
        { Features = Features.SavevmMonitorNodes },
        new Command<Client, YankArguments, Nothing>(
            "yank", "Recovers instances that hang; there is none here that could.", Shapes.Struct, (_, arguments) => new(ControlCommands.Yank(arguments)))
        { AllowOob = true },
        new Command<Client, Nothing, List<YankInstance>>(
            "query-yank", "Lists the instances that yank can recover: none.", Shapes.StructList, (_, _) => new(ControlCommands.QueryYank()))
        { AllowOob = true, AllowReadOnly = true },
    ];

    private static IEnumerable<Command<Client>> Objects() =>
    [
        ActSlowly<ObjectOptions>("object-add", ObjectAddDoc, ObjectCommands.AddAsync),
        ActSlowly<IdArguments>("object-del", "Removes an object that nobody uses.", ObjectCommands.DeleteAsync),
        Query<QomGetArguments, JsonValue>("qom-get", "Reads a property.", Shapes.Any, QomCommands.Get),
        ActSlowly<QomSetArguments>("qom-set", "Sets a property.", QomCommands.SetAsync),
        Query<QomPathArguments, List<ObjectPropertyInfo>>("qom-list", "Lists the properties and children of an object.", Shapes.StructList, QomCommands.List),
        Query<QomListGetArguments, List<ObjectPropertiesValues>>(
            "qom-list-get", "Reads all properties of several objects.", Shapes.StructList, QomCommands.ListGet),
        Query<QomListTypesArguments, List<ObjectTypeInfo>>(
            "qom-list-types", "Lists the types of objects.", Shapes.StructList, (_, arguments) => QomCommands.ListTypes(arguments)),
        Query<TypeNameArguments, List<ObjectPropertyInfo>>(
            "qom-list-properties", "Lists the properties that objects of a type have.", Shapes.StructList,
            (_, arguments) => QomCommands.ListProperties(arguments)),
        Query<TypeNameArguments, List<ObjectPropertyInfo>>(
            "device-list-properties", "Lists the properties that devices of a type take.", Shapes.StructList,
            (_, arguments) => QomCommands.ListDeviceProperties(arguments)),
        Query<Nothing, List<IothreadInfo>>(
            "query-iothreads", "Lists the iothreads. They wait and serve nothing: there are no devices here.", Shapes.StructList,
            (client, _) => ObjectCommands.QueryIothreads(client)),
        Act<FdNameArguments>("getfd", "Names a descriptor that came with the request.", DescriptorCommands.GetFd),
        Act<FdNameArguments>("closefd", "Closes a named descriptor.", DescriptorCommands.CloseFd),
        new Command<Client, AddFdArguments, AddFdInfo>(
            "add-fd", "Adds a descriptor that came with the request to a set.", Shapes.Struct,
            (client, arguments) => new(DescriptorCommands.AddFd(client, arguments))),
        Act<RemoveFdArguments>("remove-fd", "Closes a descriptor of a set, or all of them.", DescriptorCommands.RemoveFd),
        Query<Nothing, List<FdSetInfo>>(
            "query-fdsets", "Lists the sets of descriptors.", Shapes.StructList, (client, _) => DescriptorCommands.QueryFdSets(client)),
    ];

    private static IEnumerable<Command<Client>> Memory() =>
    [
        Query<Nothing, List<MemdevInfo>>("query-memdev", "Lists the memory backends.", Shapes.StructList, (client, _) => MemoryCommands.QueryMemdev(client)),
        Query<Nothing, List<MemoryDeviceInfo>>(
            "query-memory-devices", "Lists the plugged memory, by address.", Shapes.StructList, (client, _) => MemoryCommands.QueryMemoryDevices(client)),
        Query<Nothing, MemorySizeSummary>(
            "query-memory-size-summary", "Says how much memory the guest has.", Shapes.Struct, (client, _) => MemoryCommands.QueryMemorySizeSummary(client)),
        new Command<Client, StatsFilter, List<StatsResult>>(
            "query-stats",
            "Says what KVM counts for the VM, and for the probe vCPU once probe-guest-memory has made it; names are the kernel's.",
            Shapes.StructList, StatsCommands.QueryAsync)
        { AllowReadOnly = true },
        new Command<Client, StatsSchemaArguments, List<StatsSchema>>(
            "query-stats-schemas", "Says what the statistics of query-stats mean, as the kernel describes them.", Shapes.StructList,
            StatsCommands.QuerySchemasAsync)
        { AllowReadOnly = true },
        ActSlowly<CalcDirtyRateArguments>("calc-dirty-rate", DirtyRateDoc, DirtyRateCommands.CalcAsync),
        Query<QueryDirtyRateArguments, DirtyRateInfo>(
            "query-dirty-rate", "Says what the last calc-dirty-rate found, or that it still counts.", Shapes.Struct, DirtyRateCommands.Query),
        ActSlowly<PmemsaveArguments>(
            "pmemsave", "Saves guest physical memory to a file; what nobody has touched becomes a hole of it.", SaveCommands.PmemsaveAsync),
        new Command<Client, DeviceAddArguments, Nothing>(
            "device_add",
            "Plugs a device: a pc-dimm with memdev (id or QOM path of a backend), addr, slot and node. What is not given is chosen.",
            Shapes.Struct, DeviceCommands.AddAsync)
        { Features = Features.JsonCli | Features.JsonCliHotplug },
        ActSlowly<IdArguments>("device_del", "Unplugs a device, at once; DEVICE_DELETED follows the reply.", DeviceCommands.DeleteAsync),
    ];

    private static IEnumerable<Command<Client>> Jobs() =>
    [
        Query<Nothing, List<JobInfo>>("query-jobs", "Lists the jobs, the newest first.", Shapes.StructList, (client, _) => JobCommands.Query(client)),
        ActSlowly<IdArguments>("job-pause", "Pauses a job; answered when nothing of it is at work.", JobCommands.PauseAsync),
        Act<IdArguments>("job-resume", "Lets a paused job go on.", JobCommands.Resume),
        ActSlowly<IdArguments>("job-cancel", "Ends a job; answered when it has concluded. What it did stays done.", JobCommands.CancelAsync),
        Act<IdArguments>("job-dismiss", "Forgets a job that has concluded.", JobCommands.Dismiss),
    ];

    private static IEnumerable<Command<Client>> Own() =>
    [
        Query<EventSubscribeArguments, EventSubscription>(
            "event-subscribe", "Sets which events on request this session gets.", Shapes.Struct, EventCommands.Subscribe, Features.Hostmemd),
        Query<QueryMemorySlotsArguments, MemorySlotMap>(
            "query-memory-slots", "Lists KVM's memory slots, by address.", Shapes.Struct, SlotCommands.QueryMemorySlots, Features.Hostmemd),
        new Command<Client, GuestMemfdCapabilitiesArguments, GuestMemfdCapabilities>(
            "query-guest-memfd-capabilities", "Says what guest_memfd can do on this host, shown by doing it.", Shapes.Struct, SlotCommands.QueryGuestMemfdAsync)
        { Features = Features.Hostmemd | Features.Unstable, AllowReadOnly = true },
        new Command<Client, QueryMemoryUsageArguments, MemoryUsage>(
            "query-memory-usage", UsageDoc, Shapes.Struct, UsageCommands.QueryAsync)
        { Features = Features.Hostmemd, AllowReadOnly = true },
        Act<MemoryBackendPreallocArguments>("memory-backend-prealloc", PreallocDoc, JobCommands.Prealloc, Features.Hostmemd),
        new Command<Client, MemoryBackendSendFdArguments, MemoryBackendFd>(
            "memory-backend-send-fd",
            "Hands the client a descriptor of a backend's memory: exactly one, beside the first byte of the reply (SCM_RIGHTS). "
            + "It gives whole access, and it cannot be taken back.",
            Shapes.Struct, (client, arguments) => new(SendFdCommands.SendFd(client, arguments)))
        { Features = Features.Hostmemd },
        new Command<Client, QueryMemoryLoansArguments, List<MemoryLoanInfo>>(
            "query-memory-loans",
            "Says for each backend how its memory can go to a VMM or another process, and who has it. "
            + "It looks through every process, as holders of query-memory-usage does.",
            Shapes.StructList, LoanQueries.QueryAsync)
        { Features = Features.Hostmemd, AllowReadOnly = true },
        new Command<Client, MemoryLend, Nothing>(
            "memory-lend",
            "Hands memory over: cpr to an unmodified QEMU that waits on its CPR channel, under the backends' ids, answered when it has read them; "
            + "vhost-user and vhost-kernel to a back end, as guest memory at the addresses it has here.",
            Shapes.Struct, LendingCommands.LendAsync)
        { Features = Features.Hostmemd | Features.Unstable },
        new Command<Client, MemoryBackendForgetArguments, Nothing>(
            "memory-backend-forget", "Removes a backend though others have its memory: they keep it, and its pages are free when the last of them ends.",
            Shapes.Struct, LendingCommands.ForgetAsync)
        { Features = Features.Hostmemd | Features.Unstable },
        Query<QueryMetricsArguments, MetricsText>(
            "query-metrics", "Gives figures of the guest and its clients as text, the same as the socket of -metrics.", Shapes.Struct,
            (client, _) => MetricsCommands.Query(client), Features.Hostmemd),
        new Command<Client, ProbeArguments, GuestProbeResult>(
            "probe-guest-memory", "Reads, writes or compares guest memory through a vCPU.", Shapes.Struct, ProbeCommands.ProbeAsync)
        { Features = Features.Hostmemd | Features.Unstable },
    ];

    /// <summary>A command that changes nothing of the guest: read-only sockets may call it.</summary>
    private static Command<Client> Query<TArguments, TResult>(
        string name, string doc, VisitElement<TResult> result, Func<Client, TArguments, TResult> handler, Features features = Features.None)
        where TArguments : class, IQapiType, new()
        => new Command<Client, TArguments, TResult>(name, doc, result, (client, arguments) => new(handler(client, arguments)))
        {
            AllowReadOnly = true,
            Features = features,
        };

    private static Command<Client> Act<TArguments>(
        string name, string doc, Func<Client, TArguments, Nothing> handler, Features features = Features.None)
        where TArguments : class, IQapiType, new()
        => new Command<Client, TArguments, Nothing>(name, doc, Shapes.Struct, (client, arguments) => new(handler(client, arguments)))
        {
            Features = features,
        };

    /// <summary>One that may take its time: it leaves the owner, and only its own session waits.</summary>
    private static Command<Client> ActSlowly<TArguments>(string name, string doc, Func<Client, TArguments, ValueTask<Nothing>> handler)
        where TArguments : class, IQapiType, new()
        => new Command<Client, TArguments, Nothing>(name, doc, Shapes.Struct, handler);
}
