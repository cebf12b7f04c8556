import ArgumentParser
import Foundation
import Kernels
import Model
import Stage4RoI
import Tensors
import Tracing

extension Trace.Keeping: ExpressibleByArgument {}
extension KernelForm: ExpressibleByArgument {}

/// Which text of every operation a command runs.
struct KernelOptions: ParsableArguments {
  @Option(help: "Which text of every operation runs: fast, or plain, the definition; slow.")
  var kernels = KernelForm.fast
}

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

/// Where a command's trace lies and what is kept in it.
struct TraceOptions: ParsableArguments {
  @Option(name: .long, help: "The trace's folder.")
  var trace = "trace"

  @Option(
    help: "Which tensors are kept as files: full (32 bits), half (16 bits), none (small ones).")
  var tensors = Trace.Keeping.full

  @Flag(inversion: .prefixedNo, help: "Draw the figures.")
  var figures = true

  @Flag(inversion: .prefixedNo, help: "Make index.html, the page that reads the trace.")
  var page = true

  @OptionGroup var threads: ThreadOptions

  var folder: URL { URL(fileURLWithPath: trace) }

}

/// Which weights a command uses.
struct WeightsOptions: ParsableArguments {
  @Option(
    help:
      "A .safetensors or .pth file. Default: the trace's, or the bundled model's (bench: above).")
  var weights: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A setting in place of the weight file's, such as norm_eps=0; maskrcnn inspect lists them.",
      valueName: "key=value"))
  var settings: [String] = []

  /// The settings that the command line gives, by their keys in a weight file's metadata.
  var overrides: [String: String] {
    Dictionary(settings.map(Self.pair), uniquingKeysWith: { $1 })
  }

  func validate() throws {
    for setting in settings where !setting.contains("=") {
      throw ValidationError("--set \(setting) has no value; write --set key=value.")
    }
  }

  private static func pair(_ setting: String) -> (String, String) {
    let parts = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
  }
}

/// The words for a RoI operator on the command line.
enum OperatorName: String, CaseIterable, ExpressibleByArgument {
  case align
  case pool
  case warp
}

/// How a bin reduces its samples.
enum Reduction: String, CaseIterable, ExpressibleByArgument {
  case average
  case maximum
}

/// Which RoI operator a command uses. The defaults are torchvision's.
struct OperatorOptions: ParsableArguments {
  @Option(name: .customLong("operator"), help: "The RoI operator: align, pool, warp.")
  var name = OperatorName.align

  @Option(
    parsing: .unconditional,
    help: "Samples per bin along each axis, 0 for one per cell. Default: 2.")
  var samplingRatio: Int?

  @Flag(help: "Subtract half a cell, as detectron2 does and torchvision's models do not.")
  var aligned = false

  @Option(help: "What a bin takes of its samples: average (default), maximum.")
  var reduction: Reduction?

  func validate() throws {
    guard (0...16).contains(samplingRatio ?? 2) else {
      throw ValidationError("--sampling-ratio is \(samplingRatio ?? 2); give 0 to 16.")
    }
    guard name == .align || !aligned else {
      throw ValidationError("--aligned is an option of --operator align; \(name) rounds to cells.")
    }
    guard name != .pool || (samplingRatio == nil && reduction == nil) else {
      throw ValidationError("--sampling-ratio and --reduction mean nothing to --operator pool.")
    }
  }

  var roiOperator: RoIOperator {
    let maximum = reduction == .maximum
    return switch name {
    case .align: .align(samplingRatio: samplingRatio ?? 2, aligned: aligned, maximum: maximum)
    case .pool: .pool
    case .warp: .warp(samplingRatio: samplingRatio ?? 2, maximum: maximum)
    }
  }
}

/// The image that a command may be given in place of a trace.
struct ImageArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A PNG or JPEG image to begin with, at stage 0.", valueName: "image"))
  var path: String?

  var file: URL? { path.map { URL(fileURLWithPath: $0) } }
}

/// What comes with the package.
enum Bundled {
  static var image: URL { fixtures.appending(path: "images/nuclei.png") }
  static var weights: URL { fixtures.appending(path: "weights/nuclei.safetensors") }

  /// The package's `Fixtures`: under the current folder, or where this file was compiled.
  static var fixtures: URL {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
      .appending(path: "Fixtures")
    let weights = here.appending(path: "weights/nuclei.safetensors")
    if FileManager.default.fileExists(atPath: weights.path) { return here }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
  }
}
