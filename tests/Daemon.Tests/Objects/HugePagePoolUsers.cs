using Xunit;

namespace Hostmemd.Daemon.Tests.Objects;

/// <summary>Runs when no other test does: others count on a pool without pages.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class HugePagePoolUsers : ICollectionFixture<HugePagePoolFixture>
{
    public const string Name = "pool of huge pages";
}
