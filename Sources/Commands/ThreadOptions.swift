import ArgumentParser
import Kernels

/// How many threads a command computes with.
struct ThreadOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: "Threads to compute with. Default: one per processor.")
  var threads: Int?

  /// Makes every operation of this process use so many.
  func apply() { if let threads { Threads.count = threads } }

  func validate() throws {
    guard (1...Threads.most).contains(threads ?? 1) else {
      throw ValidationError("--threads is \(threads ?? 1); give 1 to \(Threads.most).")
    }
  }
}
