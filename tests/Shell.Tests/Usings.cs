global using Hostmemd.Conformance.Transcript;
global using Hostmemd.QmpShell.Tests.Support;
global using Hostmemd.QmpShell.Transcript;
global using Hostmemd.QmpShell.Wrap;
global using Xunit;
