using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Hostmemd.Benchmarks;

// In this process: a project built anew for each benchmark takes minutes and measures the same. Short unless a job is named (--job medium).
var job = (args.Contains("--job") ? Job.Default : Job.ShortRun).WithToolchain(InProcessEmitToolchain.Instance);
var config = ManualConfig.Create(DefaultConfig.Instance)
    .AddJob(job)
    .AddDiagnoser(MemoryDiagnoser.Default)
    .WithArtifactsPath(Path.Combine(AppContext.BaseDirectory, "results"));
string[] chosen = args.Contains("--filter") || args.Contains("--list") ? args : ["--filter", "*", .. args];
BenchmarkSwitcher.FromAssembly(typeof(JsonReading).Assembly).Run(chosen, config);
