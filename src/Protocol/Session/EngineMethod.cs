using System.Reflection;

namespace Hostmemd.Protocol.Session;

/// <summary>The one method that the engine knows of: all requests go by its name, and <see cref="QmpServer{TClient}"/> answers them itself.</summary>
internal static class EngineMethod
{
    /// <summary>
    /// The method as such. Of a delegate the engine would ask for its method, and for that NativeAOT looks through all methods of the program,
    /// which makes a megabyte of it resident.
    /// </summary>
    public static MethodInfo Handler => typeof(EngineMethod).GetMethod(nameof(Run), BindingFlags.Static | BindingFlags.NonPublic)!;

    /// <summary>Never called.</summary>
    private static void Run()
    {
    }
}
