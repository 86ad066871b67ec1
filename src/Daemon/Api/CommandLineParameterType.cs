namespace Hostmemd.Api;

internal enum CommandLineParameterType
{
    String,
    Boolean,
    Number,
    Size,
}
