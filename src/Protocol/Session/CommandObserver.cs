using Hostmemd.Protocol.Wire;

namespace Hostmemd.Protocol.Session;

/// <summary>Told of each command when it has been carried out, for the log.</summary>
/// <param name="error">null where it succeeded. Another exception than QmpException is a bug of ours.</param>
public delegate void CommandObserver(string command, JsonValue? id, TimeSpan elapsed, Exception? error);
