using Hostmemd.Protocol.Client;
using Hostmemd.Protocol.Schema;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Schema;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Completion;

/// <summary>Finds what could stand at the end of a line: commands, arguments and values from the schema, names from the server.</summary>
/// <param name="inTransaction">Whether the line stands within the brackets of a transaction.</param>
internal sealed class Completer(ShellSession session, bool hmp, Func<bool> inTransaction)
{
    /// <summary>What a slow server may cost a typist.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ServerNames _names = new(session);

    public async Task<Completions> FindAsync(string line, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        try
        {
            if (WordAtEnd.Find(line) is not { } word)
                return Completions.None;
            if (hmp)
                return await MonitorAsync(word, limit.Token).ConfigureAwait(false);
            return await session.SchemaAsync().WaitAsync(limit.Token).ConfigureAwait(false) is { } schema
                ? await FindAsync(word, schema, limit.Token).ConfigureAwait(false)
                : Completions.None;
        }
        catch (Exception e) when (e is QmpConnectionException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // A server that is gone or slow has nothing to offer; who waits for its answers says the rest.
            return Completions.None;
        }
    }

    private async Task<Completions> MonitorAsync(WordAtEnd word, CancellationToken cancellationToken) => word.Before switch
    {
        [] => Choose(word, await _names.MonitorCommandsAsync(afterInfo: false, cancellationToken).ConfigureAwait(false), " "),
        [{ Plain: "info" }] => Choose(word, await _names.MonitorCommandsAsync(afterInfo: true, cancellationToken).ConfigureAwait(false), " "),
        _ => Completions.None,
    };

    private async Task<Completions> FindAsync(WordAtEnd word, ServerSchema schema, CancellationToken cancellationToken)
    {
        bool opens = word.Before is [{ Plain: TransactionLines.Start }, ..];
        if (opens || inTransaction())
            return await ActionAsync(word, [.. word.Before.Skip(opens ? 1 : 0)], schema, cancellationToken).ConfigureAwait(false);
        LineWord[] words = [.. word.Before.SkipWhile((before, at) => (at == 0 && before.Key == "id") || before.Plain == "oob")];
        if (words.Length == 0)
        {
            string[] brackets = schema.Actions.Any() ? [TransactionLines.Start] : [];
            return Choose(word, [.. schema.Commands, .. brackets, .. LocalCommands.Names, "oob"], " ");
        }

        string command = words[0].Plain;
        if (LocalCommands.Arguments(command, schema) is { } choices && (words.Length == 1 || command != "help"))
            return Choose(word, words.Length == 1 ? choices : [], " ");
        if (command == "help")
            (command, words) = (words[1].Plain, words[1..]);
        return schema.Arguments(command) is { } type
            ? await MemberAsync(command, word, words, type, schema, cancellationToken).ConfigureAwait(false)
            : Completions.None;
    }

    private async Task<Completions> ActionAsync(WordAtEnd word, LineWord[] words, ServerSchema schema, CancellationToken cancellationToken)
    {
        if (words.Length == 0)
            return Choose(word, [.. schema.Actions, TransactionLines.End], " ");
        return schema.ActionArguments(words[0].Plain) is { } type
            ? await MemberAsync(words[0].Plain, word, words, type, schema, cancellationToken).ConfigureAwait(false)
            : Completions.None;
    }

    private async Task<Completions> MemberAsync(
        string command, WordAtEnd word, LineWord[] words, SchemaType.Struct type, ServerSchema schema, CancellationToken cancellationToken)
    {
        var tree = new ArgumentTree();
        foreach (LineWord given in words.Skip(1).Where(given => given.Key is not null).DistinctBy(given => given.Key))
            tree.Add(given.Key!, given.Value);
        LineValue.Members arguments = tree.Build();
        int equals = word.Text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0
            ? await ValueAsync(command, word, equals, type, arguments, schema, cancellationToken).ConfigureAwait(false)
            : await ArgumentAsync(command, word, type, arguments, schema, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Completions> ArgumentAsync(
        string command, WordAtEnd word, SchemaType.Struct type, LineValue.Members given, ServerSchema schema, CancellationToken cancellationToken)
    {
        int dot = word.Text.LastIndexOf('.') + 1;
        string path = word.Text[..dot];
        IEnumerable<SchemaMember> members = Members(schema, type, path, given);
        IEnumerable<string> names = members.Select(member => member.Name);
        if (command == "device_add")
            names = names.Concat(await _names.DevicePropertiesAsync(given["driver"], cancellationToken).ConfigureAwait(false));
        var candidates = names.Distinct().Where(name => path.Length > 0 || given[name] is null).Select(name => $"{path}{name}=").ToList();

        // The one argument that must be there needs no name.
        if (type.Members.Where(member => !member.IsOptional).ToArray() is [var only] && given[only.Name] is null)
            candidates.AddRange(await _names.ForAsync(command, only.Name, word.Text, given, cancellationToken).ConfigureAwait(false));
        return Choose(word, candidates, "");
    }

    private async Task<Completions> ValueAsync(
        string command, WordAtEnd word, int equals, SchemaType.Struct type, LineValue.Members given, ServerSchema schema,
        CancellationToken cancellationToken)
    {
        string key = word.Text[..equals];
        int dot = key.LastIndexOf('.') + 1;
        SchemaMember? member = Members(schema, type, key[..dot], given).FirstOrDefault(known => known.Name == key[dot..]);
        SchemaType valueType = member is null ? SchemaType.Any : schema.Type(member.TypeName);
        int start = equals + 1;
        if (valueType is SchemaType.Array list)
        {
            start = Math.Max(start, word.Text.LastIndexOfAny([',', '[', ' ']) + 1);
            valueType = schema.Type(list.ElementType);
        }

        string typed = word.Text[start..];
        IEnumerable<string> values = Values(valueType, schema);
        if (valueType is SchemaType.Builtin { Json: JsonType.String } or SchemaType.Alternate)
            values = values.Concat(await _names.ForAsync(command, key[dot..], typed, given, cancellationToken).ConfigureAwait(false));
        var part = new WordAtEnd(word.Start + start, typed, []);
        return Choose(part, values, valueType is SchemaType.Builtin { Json: JsonType.String } && key == "path" ? "" : " ");
    }

    private static IEnumerable<SchemaMember> Members(ServerSchema schema, SchemaType.Struct type, string path, LineValue.Members? given)
    {
        foreach (string name in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            SchemaMember? member = Here().FirstOrDefault(known => known.Name == name);
            if (member is null || schema.Type(member.TypeName) is not SchemaType.Struct next)
                return [];
            (type, given) = (next, given?[name] as LineValue.Members);
        }

        return Here();

        IEnumerable<SchemaMember> Here() =>
            schema.Members(type, type.Tag is not null && given?[type.Tag] is LineValue.Text { Value: var tag } ? tag : type.Tag is null ? null : "");
    }

    private static IEnumerable<string> Values(SchemaType type, ServerSchema schema) => type switch
    {
        SchemaType.Enum { Values: var values } => values,
        SchemaType.Builtin { Json: JsonType.Boolean } => ["on", "off"],
        SchemaType.Alternate { Types: var types } => types.SelectMany(name => schema.Type(name) is not SchemaType.Alternate and var one ? Values(one, schema) : []),
        _ => [],
    };

    private static Completions Choose(WordAtEnd word, IEnumerable<string> candidates, string suffix) =>
        new(word.Start, [.. candidates.Where(candidate => candidate.StartsWith(word.Text, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal)], suffix);
}
