namespace Hostmemd.Api;

internal enum YankInstanceType
{
    BlockNode,
    Chardev,
    Migration,
}
