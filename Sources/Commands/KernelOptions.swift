import ArgumentParser
import Kernels

extension KernelForm: ExpressibleByArgument {}

/// Which text of every operation a command runs.
struct KernelOptions: ParsableArguments {
  @Option(help: "Which text of every operation runs: fast, or plain, the definition; slow.")
  var kernels = KernelForm.fast
}
