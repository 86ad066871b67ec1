using System.Globalization;
using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Output;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell;

/// <summary>Lines of the human monitor (<c>-H</c>). Which CPU they are about is kept here: <c>cpu N</c> sets it.</summary>
internal sealed class HmpLines(ShellSession session, ShellOutput output)
{
    private int? _cpu;

    /// <inheritdoc cref="Shell.RunAsync"/>
    public async Task<bool> ExecuteAsync(string line, Shell shell, CancellationToken cancellationToken)
    {
        string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (words is ["cpu", ..])
            return await SetCpuAsync(words, shell, cancellationToken).ConfigureAwait(false);
        JsonObject answer = await PassAsync(line.Trim(), _cpu, shell, cancellationToken).ConfigureAwait(false);
        if (answer["return"] is JsonString { Value: var text })
        {
            output.Write(text.ReplaceLineEndings("\n"));
            return true;
        }

        var error = answer["error"] as JsonObject;
        output.WriteLine($"{(error?["class"] as JsonString)?.Value}: {(error?["desc"] as JsonString)?.Value}");
        return false;
    }

    private async Task<bool> SetCpuAsync(string[] words, Shell shell, CancellationToken cancellationToken)
    {
        if (words.Length != 2 || !int.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out int cpu))
            throw new FormatException("cpu takes the number of a CPU");
        if (!(await PassAsync("info version", cpu, shell, cancellationToken).ConfigureAwait(false)).Contains("return"))
            throw new FormatException($"there is no CPU {cpu}");
        _cpu = cpu;
        return true;
    }

    private async Task<JsonObject> PassAsync(string line, int? cpu, Shell shell, CancellationToken cancellationToken)
    {
        var arguments = new List<KeyValuePair<string, JsonValue>> { new("command-line", new JsonString(line)) };
        if (cpu is { } index)
            arguments.Add(new("cpu-index", JsonNumber.Of((long)index)));
        var command = new LineCommand { Name = "human-monitor-command", Arguments = new LineValue.Members([]) };
        Task<JsonObject> answering = await session.SendAsync(command, new JsonObject(arguments), shown: false, tell: null, cancellationToken)
            .ConfigureAwait(false);
        await shell.AwaitAsync(answering, "answer", cancellationToken).ConfigureAwait(false);
        return await answering.ConfigureAwait(false);
    }
}
