using Xunit.Sdk;

namespace Hostmemd.Conformance;

/// <summary>Marks a method that runs once for every transcript and takes its path.</summary>
[AttributeUsage(AttributeTargets.Method)]
[XunitTestCaseDiscoverer("Hostmemd.Conformance." + nameof(TranscriptDiscoverer), "Conformance")]
public sealed class TranscriptFactAttribute : FactAttribute;
