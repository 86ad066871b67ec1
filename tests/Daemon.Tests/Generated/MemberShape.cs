namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>What a member takes, as the schema says.</summary>
internal enum MemberShape
{
    Flag,
    Number,
    Text,
    Choice,
    Numbers,
}
