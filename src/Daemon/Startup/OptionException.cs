namespace Hostmemd.Startup;

/// <summary>The command line cannot be carried out; the message is printed and the exit status is 1.</summary>
internal sealed class OptionException(string message) : Exception(message);
