global using Hostmemd.QmpShell.Transcript;
global using Hostmemd.QmpShell.Wrap;
global using Xunit;
