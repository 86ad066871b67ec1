using Hostmemd.QmpShell.Language;
using Hostmemd.QmpShell.Schema;

namespace Hostmemd.QmpShell.Tests;

/// <summary>What a line becomes on the wire.</summary>
public sealed class LineTests
{
    /// <summary>One command whose arguments have every type there is.</summary>
    private static readonly ServerSchema Schema = new(Hostmemd.Protocol.Wire.JsonText.Parse("""
        [{"name": "x", "meta-type": "command", "arg-type": "1", "ret-type": "0"}, {"name": "0", "meta-type": "object", "members": []},
         {"name": "1", "meta-type": "object", "tag": "kind", "variants": [{"case": "a", "type": "2"}, {"case": "b", "type": "0"}], "members": [
            {"name": "s", "type": "str"}, {"name": "i", "type": "int", "default": null}, {"name": "b", "type": "bool", "default": null},
            {"name": "n", "type": "number", "default": null}, {"name": "l", "type": "[int]", "default": null},
            {"name": "e", "type": "[kind]", "default": null}, {"name": "o", "type": "2", "default": null},
            {"name": "alt", "type": "alt", "default": null}, {"name": "kind", "type": "kind", "default": null}]},
         {"name": "2", "meta-type": "object", "members": [{"name": "size", "type": "int"}, {"name": "name", "type": "str"}]},
         {"name": "kind", "meta-type": "enum", "values": ["a", "b"]},
         {"name": "alt", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "null"}]},
         {"name": "[int]", "meta-type": "array", "element-type": "int"}, {"name": "[kind]", "meta-type": "array", "element-type": "kind"},
         {"name": "str", "meta-type": "builtin", "json-type": "string"}, {"name": "int", "meta-type": "builtin", "json-type": "int"},
         {"name": "bool", "meta-type": "builtin", "json-type": "boolean"}, {"name": "number", "meta-type": "builtin", "json-type": "number"},
         {"name": "null", "meta-type": "builtin", "json-type": "null"}]
        """));

    [Theory]
    [InlineData("x id=m0  size=18446744073709551615 ", """{"id": "m0", "size": 18446744073709551615}""")]
    [InlineData("x a=on b=true c=null d=", """{"a": "on", "b": true, "c": "null", "d": ""}""")]
    [InlineData("""x a="two words" b={"c": [1]} """, """{"a": "two words", "b": {"c": [1]}}""")]
    [InlineData("""x size="4" f=1.50 g=007 h='m0' i=0x10 j=-3""", """{"size": "4", "f": 1.50, "g": "007", "h": "m0", "i": 16, "j": -3}""")]
    [InlineData("x a.b.c=1 a.b.d=2 a.e=3", """{"a": {"b": {"c": 1, "d": 2}, "e": 3}}""")]
    [InlineData("x a=[0, 1 ] b={'k': True, 'n': None,}", """{"a": [0, 1], "b": {"k": true, "n": null}}""")]
    [InlineData("""x a=it\'s b=one\ two c="q\"\\\u00e9" d=C:\x""", """{"a": "it's", "b": "one two", "c": "q\"\\\u00E9", "d": "C:\\x"}""")]
    [InlineData("""x file=json:{"driver": "null-co"}""", """{"file": "json:{\"driver\": \"null-co\"}"}""")]
    public void A_line_becomes_arguments(string line, string arguments) =>
        Assert.Equal(arguments, TypedValue.Make(LineCommand.Parse(line).Arguments, null, null).ToString());

    [Theory]
    [InlineData("x s=123", """{"s": "123"}""")]
    [InlineData("x s=on", """{"s": "on"}""")]
    [InlineData("x i=1G b=on", """{"i": 1073741824, "b": true}""")]
    [InlineData("x i=0x1000 b=False", """{"i": 4096, "b": false}""")]
    [InlineData("x i=1e9", """{"i": 1000000000}""")]
    [InlineData("x i=1.5k n=2.50", """{"i": 1536, "n": 2.50}""")]
    [InlineData("x i=18446744073709551615", """{"i": 18446744073709551615}""")]
    [InlineData("x i=-9223372036854775808", """{"i": -9223372036854775808}""")]
    [InlineData("x i=many", """{"i": "many"}""")]
    [InlineData("x l=0-2,5", """{"l": [0, 1, 2, 5]}""")]
    [InlineData("x l=[0, 1k]", """{"l": [0, 1024]}""")]
    [InlineData("x l=7 e=a,b", """{"l": [7], "e": ["a", "b"]}""")]
    [InlineData("x l.0=1 l.1=2", """{"l": [1, 2]}""")]
    [InlineData("x o.size=2M o.name=5", """{"o": {"size": 2097152, "name": "5"}}""")]
    [InlineData("""x o={size: 1M, "name": 5}""", """{"o": {"size": 1048576, "name": "5"}}""")]
    [InlineData("x alt=null", """{"alt": null}""")]
    [InlineData("""x alt="null" """, """{"alt": "null"}""")]
    [InlineData("x kind=a size=1k", """{"kind": "a", "size": 1024}""")]
    [InlineData("x kind=b size=1k", """{"kind": "b", "size": "1k"}""")]
    public void The_schema_says_what_a_word_is(string line, string arguments)
    {
        LineValue.Members given = LineCommand.Parse(line).Arguments;

        Assert.Equal(arguments, TypedValue.Members(given, Schema.Arguments("x")!, Schema).ToString());
    }

    [Theory]
    [InlineData("x a=1 a=2", "a is given twice")]
    [InlineData("x a=1 a.b=2", "a.b: a has a value already, so it cannot have members")]
    [InlineData("x a.=2", "a.: a name between dots is missing")]
    [InlineData("""x a="b""", "no closing \" to \"b")]
    [InlineData("x a=[1", "a bracket is not closed")]
    [InlineData("x a={b 1}", "expected ':' behind b, got 1}")]
    [InlineData("x a=[1]2", "expected a blank behind the value of a, got 2")]
    [InlineData("x a b", "expected key=value, got b")]
    [InlineData("id=1", "expected a command")]
    public void A_line_that_makes_no_sense_is_refused(string line, string problem) =>
        Assert.Equal(problem, Assert.Throws<FormatException>(() => LineCommand.Parse(line)).Message);

    [Fact]
    public void Ids_oob_files_and_outputs_stand_beside_the_arguments()
    {
        LineCommand command = LineCommand.Parse("id={\"a\": 1} oob x name @/dev/null >/tmp/out k=v");

        Assert.Equal(("x", true, "/tmp/out", """{"a": 1}"""), (command.Name, command.OutOfBand, command.Output, command.IdOnWire?.ToString()));
        Assert.Equal(["/dev/null"], command.Files);
        Assert.Equal(new LineValue.Text("name", TextForm.Plain), command.Sole);
    }

    [Fact]
    public void A_transaction_is_one_command_on_one_line_or_on_many()
    {
        var lines = new TransactionLines();
        Assert.Null(lines.Add(LineScanner.Scan("transaction( abort")));
        Assert.Null(lines.Add(LineScanner.Scan("x a=1")));
        LineCommand? many = lines.Add(LineScanner.Scan(")"));
        LineCommand? one = lines.Add(LineScanner.Scan("transaction( x a=1 )"));

        Assert.Equal(
            """{"actions": [{"type": "abort", "data": {}}, {"type": "x", "data": {"a": 1}}]}""",
            TypedValue.Make(many!.Arguments, null, null).ToString());
        Assert.Equal("""{"actions": [{"type": "x", "data": {"a": 1}}]}""", TypedValue.Make(one!.Arguments, null, null).ToString());
        Assert.False(lines.IsOpen);
    }
}
