using Hostmemd.Api;
using Hostmemd.Devices;
using Hostmemd.Guests;
using Hostmemd.Kvm;
using Hostmemd.Protocol.Schema;

namespace Hostmemd.Keeping;

/// <summary>An object as the record has it: all that is needed to serve it again.</summary>
internal sealed class KeptObject : IQapiType
{
    internal ObjectOptions Options = null!;
    internal ulong Generation;
    internal KeptFile? File;
    internal KeptDimm? Dimm;
    internal List<KeptBorrower>? Borrowers;
    internal bool? IsOnItsWay;
    internal bool? IsLost;

    public static string TypeName => "KeptObject";

    /// <summary>Whether somebody else can have the memory: writes to it go to a file. Private memory goes with this process.</summary>
    public static bool CanKeep(PublishedBackend published) => published.Backend.File is { IsShared: true };

    /// <summary>As <see cref="CanKeep(PublishedBackend)"/>, of memory that is to be made: shared memory has a file in each type of backend.</summary>
    public static bool CanKeep(ObjectOptions options) => options.Backend is { Share: true };

    /// <param name="dimm">What it is plugged as; null: it is not.</param>
    /// <param name="file">Of memory that can be kept.</param>
    public static KeptObject Of(PublishedBackend published, Dimm? dimm, KeptFile? file, ulong generation)
    {
        var backend = published.Backend;
        var loan = published.Loan;
        return new KeptObject
        {
            Options = ObjectOptions.Of(backend.Type, backend.Id, published.Properties),
            Generation = generation,
            File = file,
            Dimm = dimm is null ? null : KeptDimm.Of(dimm),
            Borrowers = loan.Borrowers.IsEmpty ? null : [.. loan.Borrowers.Select(KeptBorrower.Of)],
            IsOnItsWay = loan.IsOnItsWay ? true : null,
            IsLost = loan.State == MemoryLoanState.Lost ? true : null,
        };
    }

    public static KeptObject Of(PublishedThread published, IKernel kernel, ulong generation) => new()
    {
        Options = new ObjectOptions
        {
            QomType = published.Thread.Type,
            Id = published.Thread.Id,
            Iothread = published.Iothread!,
            ThreadContext = published.Iothread is null
                ? new ThreadContextProperties { CpuAffinity = [.. kernel.GetAffinity(published.Thread.Tid).Select(cpu => (ushort)cpu)] }
                : null!,
        },
        Generation = generation,
    };

    public void Visit(Visitor v)
    {
        v.Struct("object", ref Options, "type, id and properties");
        v.Required("generation", ref Generation, "the guest's when it was written");
        v.OptionalStruct("file", ref File, "the file behind it");
        v.OptionalStruct("dimm", ref Dimm, "what it is plugged as");
        v.OptionalList("borrowers", ref Borrowers, Shapes.Struct, "who has it");
        v.Optional("on-its-way", ref IsOnItsWay, "it was being handed over");
        v.Optional("lost", ref IsLost, "its last borrower ended without giving it back");
    }
}
