namespace Hostmemd.Kvm;

/// <summary>One ability, measured.</summary>
/// <param name="ControlPassed">The negative control behaved as it must: without it the verdict would say little.</param>
/// <param name="Errno">Of a refusal.</param>
/// <param name="Detail">For people.</param>
public sealed record GuestMemfdAbilityInfo(
    GuestMemfdAbility Ability, GuestMemfdVerdict Verdict, bool ControlPassed, int? Errno = null, string? Detail = null);
