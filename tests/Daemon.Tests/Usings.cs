global using Hostmemd.Daemon.Tests.Support;
global using Hostmemd.Kvm;
global using Hostmemd.Kvm.Tests;

// Many tests count descriptors and mappings of the whole process: another test beside them would be counted too.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
