namespace Hostmemd.Protocol.Errors;

/// <summary>The error classes of QMP. Never a sixth: typed clients would fail to parse the reply.</summary>
public enum QmpErrorClass
{
    GenericError,
    CommandNotFound,
    DeviceNotFound,
    DeviceNotActive,
    KVMMissingCap,
}
