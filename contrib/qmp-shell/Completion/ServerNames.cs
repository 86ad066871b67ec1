using Hostmemd.Protocol.Wire;
using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Session;

namespace Hostmemd.QmpShell.Completion;

/// <summary>Names that only the server knows: of objects, devices, jobs, QOM paths and properties.</summary>
internal sealed class ServerNames(ShellSession session)
{
    /// <summary>What could be the value of a string argument.</summary>
    /// <param name="typed">What is there of it.</param>
    /// <param name="given">The other arguments.</param>
    public Task<IEnumerable<string>> ForAsync(
        string command, string argument, string typed, LineValue.Members given, CancellationToken cancellationToken) => (command, argument) switch
        {
            (_, "memdev" or "memdevs") => MembersAsync("query-memdev", "id", cancellationToken),
            ("object-del", "id") or (_, "prealloc-context" or "iothread") => ChildrenAsync("/objects", cancellationToken),
            ("device_del" or "device-sync-config", "id") => ChildrenAsync("/machine/peripheral", cancellationToken),
            ("qom-list" or "qom-get" or "qom-set", "path") => PathsAsync(typed, cancellationToken),
            ("qom-get" or "qom-set", "property") => PropertiesAsync(given["path"], cancellationToken),
            ("device_add", "driver") or ("device-list-properties", "typename") => TypesAsync("device", cancellationToken),
            ("qom-list-properties", "typename") or ("qom-list-types", "implements") => TypesAsync(null, cancellationToken),
            (_, "job-id") => MembersAsync("query-jobs", "id", cancellationToken),
            (_, "id") when command.StartsWith("job-", StringComparison.Ordinal) => MembersAsync("query-jobs", "id", cancellationToken),
            (_, "node-name" or "node") => MembersAsync("query-named-block-nodes", "node-name", cancellationToken),
            (_, "device") when command.StartsWith("block", StringComparison.Ordinal) => MembersAsync("query-block", "device", cancellationToken),
            _ => Task.FromResult<IEnumerable<string>>([]),
        };

    /// <summary>The properties that a device type has.</summary>
    public async Task<IEnumerable<string>> DevicePropertiesAsync(LineValue? driver, CancellationToken cancellationToken) =>
        driver is LineValue.Text { Value: var name }
            ? Texts(await session.AskAsync("device-list-properties", cancellationToken, ("typename", new JsonString(name))).ConfigureAwait(false), "name")
            : [];

    /// <summary>The human monitor's commands, or what info can tell.</summary>
    public async Task<IEnumerable<string>> MonitorCommandsAsync(bool afterInfo, CancellationToken cancellationToken)
    {
        JsonValue? help = await session.AskAsync(
            "human-monitor-command", cancellationToken, ("command-line", new JsonString(afterInfo ? "help info" : "help"))).ConfigureAwait(false);
        IEnumerable<string[]> lines = ((help as JsonString)?.Value ?? "").Split('\n')
            .Select(line => line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return afterInfo
            ? lines.Where(words => words is ["info", _, ..]).Select(words => words[1])
            : lines.Where(words => words.Length > 0).SelectMany(words => words[0].Split('|')).Where(word => char.IsAsciiLetter(word.FirstOrDefault()));
    }

    private async Task<IEnumerable<string>> MembersAsync(string query, string member, CancellationToken cancellationToken) =>
        Texts(await session.AskAsync(query, cancellationToken).ConfigureAwait(false), member);

    private async Task<IEnumerable<string>> ChildrenAsync(string path, CancellationToken cancellationToken) =>
        (await ListAsync(path, cancellationToken).ConfigureAwait(false)).Where(IsChild).Select(Name);

    private async Task<IEnumerable<string>> PathsAsync(string typed, CancellationToken cancellationToken)
    {
        int slash = typed.LastIndexOf('/');
        string parent = slash <= 0 ? "/" : typed[..slash];
        string start = slash < 0 ? "/" : typed[..(slash + 1)];
        return (await ListAsync(parent, cancellationToken).ConfigureAwait(false)).Where(IsChild).Select(item => start + Name(item));
    }

    private async Task<IEnumerable<string>> PropertiesAsync(LineValue? path, CancellationToken cancellationToken) =>
        path is LineValue.Text { Value: var text } ? (await ListAsync(text, cancellationToken).ConfigureAwait(false)).Select(Name) : [];

    private async Task<IEnumerable<string>> TypesAsync(string? implements, CancellationToken cancellationToken)
    {
        (string, JsonValue)[] arguments = implements is null ? [] : [("implements", new JsonString(implements)), ("abstract", JsonBool.False)];
        return Texts(await session.AskAsync("qom-list-types", cancellationToken, arguments).ConfigureAwait(false), "name");
    }

    private async Task<IEnumerable<JsonObject>> ListAsync(string path, CancellationToken cancellationToken) =>
        Objects(await session.AskAsync("qom-list", cancellationToken, ("path", new JsonString(path))).ConfigureAwait(false));

    private static bool IsChild(JsonObject item) =>
        item["type"] is JsonString { Value: var type } && type.StartsWith("child<", StringComparison.Ordinal);

    private static string Name(JsonObject item) => (item["name"] as JsonString)?.Value ?? "";

    private static IEnumerable<string> Texts(JsonValue? list, string member) =>
        Objects(list).Select(item => (item[member] as JsonString)?.Value ?? "").Where(text => text.Length > 0);

    private static IEnumerable<JsonObject> Objects(JsonValue? list) => ((list as JsonArray)?.Items ?? []).OfType<JsonObject>();
}
