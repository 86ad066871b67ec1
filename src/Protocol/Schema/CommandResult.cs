namespace Hostmemd.Protocol.Schema;

/// <summary>What a command returned, ready to be written.</summary>
public abstract class CommandResult
{
    public abstract void Write(OutputVisitor v);
}

internal sealed class CommandResult<TResult>(TResult value, VisitElement<TResult> shape) : CommandResult
{
    private TResult _value = value;

    public override void Write(OutputVisitor v) => shape(v, ref _value);
}
