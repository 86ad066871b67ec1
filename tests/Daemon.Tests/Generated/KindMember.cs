namespace Hostmemd.Daemon.Tests.Generated;

/// <summary>One member of an object-add of some kind.</summary>
/// <param name="Choices">The words of a <see cref="MemberShape.Choice"/>.</param>
internal sealed record KindMember(string Name, MemberShape Shape, bool Optional, IReadOnlyList<string> Choices);
