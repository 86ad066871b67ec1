namespace Hostmemd.Kvm;

/// <summary>What a measurement found.</summary>
public enum GuestMemfdVerdict
{
    /// <summary>The call succeeded and its effect was seen.</summary>
    Works,

    /// <summary>The call succeeded, its effect did not show.</summary>
    Ineffective,

    /// <summary>The kernel knows it and answered with an errno.</summary>
    Refused,

    /// <summary>The capability or the ioctl is not there.</summary>
    Absent,

    /// <summary>Not shown here; the detail says what is missing.</summary>
    Unproven,
}
