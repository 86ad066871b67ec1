namespace Hostmemd.Protocol.Errors;

/// <summary>A command failed for a reason that the client is told: the only exception that a client can cause.</summary>
public sealed class QmpException(QmpErrorClass errorClass, string description) : Exception(description)
{
    /// <summary>With the class that nearly all errors have.</summary>
    public QmpException(string description)
        : this(QmpErrorClass.GenericError, description)
    {
    }

    public QmpErrorClass ErrorClass { get; } = errorClass;
}
