using Xunit.Abstractions;
using Xunit.Sdk;

namespace Hostmemd.Conformance;

/// <summary>Makes one test case of each transcript.</summary>
public sealed class TranscriptDiscoverer(IMessageSink diagnostics) : IXunitTestCaseDiscoverer
{
    public IEnumerable<IXunitTestCase> Discover(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo factAttribute) =>
        TranscriptCorpus.List().Select(path => new TranscriptTestCase(diagnostics, testMethod, path));
}
