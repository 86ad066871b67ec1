namespace Hostmemd.Lending;

/// <summary>Requests of a vhost-user front end, by their numbers. Source: the vhost-user protocol, as QEMU's documentation has it.</summary>
internal enum VhostUserRequest : uint
{
    GetFeatures = 1,
    SetFeatures = 2,
    SetOwner = 3,
    SetMemTable = 5,
    SetVringNum = 8,
    SetVringAddr = 9,
    SetVringBase = 10,
    GetVringBase = 11,
    SetVringKick = 12,
    SetVringCall = 13,
    GetProtocolFeatures = 15,
    SetProtocolFeatures = 16,
    SetVringEnable = 18,
    GetConfig = 24,
    GetMaxMemSlots = 36,
    AddMemReg = 37,
}
