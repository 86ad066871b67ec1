namespace Hostmemd.Populate;

/// <summary>What a <see cref="PopulateReport"/> tells. No value is 0: a stray zero is no report.</summary>
internal enum PopulateReportKind
{
    Progress = 1,
    Done = 2,
    Failed = 3,

    /// <summary>It was told to stop before all was done.</summary>
    Stopped = 4,
}
