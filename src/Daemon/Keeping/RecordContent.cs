namespace Hostmemd.Keeping;

/// <summary>What a record says.</summary>
/// <param name="Objects">In the order in which they came.</param>
/// <param name="Intents">Commands that were never answered.</param>
internal sealed record RecordContent(IReadOnlyList<KeptObject> Objects, IReadOnlyList<KeptIntent> Intents)
{
    public static RecordContent Nothing => new([], []);
}
