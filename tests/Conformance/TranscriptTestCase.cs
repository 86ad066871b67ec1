using Xunit.Abstractions;
using Xunit.Sdk;

namespace Hostmemd.Conformance;

/// <summary>One transcript: its path is the name, and it is skipped where the host lacks what it needs.</summary>
public sealed class TranscriptTestCase : XunitTestCase
{
    [Obsolete("For xunit's deserializer.")]
    public TranscriptTestCase()
    {
    }

    public TranscriptTestCase(IMessageSink diagnostics, ITestMethod method, string path)
        : base(diagnostics, TestMethodDisplay.Method, TestMethodDisplayOptions.None, method, [path])
    {
    }

    protected override string GetDisplayName(IAttributeInfo factAttribute, string displayName) => (string)TestMethodArguments[0];

    protected override string? GetSkipReason(IAttributeInfo factAttribute) =>
        HostNeeds.Lacking(TranscriptCorpus.Load((string)TestMethodArguments[0]).Needs);
}
