import ArgumentParser
import Foundation
import Model
import Stage4RoI
import Tensors
import Tracing

extension Trace.Keeping: ExpressibleByArgument {}

/// Where a command's trace lies and what is kept in it.
struct TraceOptions: ParsableArguments {
  @Option(name: .long, help: "The trace's folder.")
  var trace = "trace"

  @Option(
    help: "Which tensors are kept as files: full (32 bits), half (16 bits), none (small ones).")
  var tensors = Trace.Keeping.full

  @Flag(inversion: .prefixedNo, help: "Draw the pictures.")
  var pictures = true

  var folder: URL { URL(fileURLWithPath: trace) }
}

/// Which weights a command uses.
struct WeightsOptions: ParsableArguments {
  @Option(help: "A .safetensors or .pth file. Default: the trace's, or the bundled model's.")
  var weights: String?

  @Option(help: "The epsilon of batch norm, if the file does not tell.")
  var normEpsilon: Float?

  /// The settings that the command line gives, by their keys in a weight file's metadata.
  var overrides: [String: String] {
    normEpsilon.map { ["norm_eps": String($0)] } ?? [:]
  }
}

/// The words for a RoI operator on the command line.
enum OperatorName: String, CaseIterable, ExpressibleByArgument {
  case align
  case pool
  case warp
}

/// How a bin of RoIAlign reduces its samples.
enum Reduction: String, CaseIterable, ExpressibleByArgument {
  case average
  case maximum
}

/// Which RoI operator a command uses. The defaults are torchvision's.
struct OperatorOptions: ParsableArguments {
  @Option(name: .customLong("operator"), help: "The RoI operator: align, pool, warp.")
  var name = OperatorName.align

  @Option(help: "Samples per bin along each axis, 0 for one per cell.")
  var samplingRatio = 2

  @Flag(help: "Subtract half a cell, as detectron2 does and torchvision's models do not.")
  var aligned = false

  @Option(help: "What a bin of RoIAlign takes of its samples: average, maximum.")
  var reduction = Reduction.average

  func validate() throws {
    guard (0...16).contains(samplingRatio) else {
      throw ValidationError("--sampling-ratio is \(samplingRatio); give a number from 0 to 16.")
    }
  }

  var roiOperator: RoIOperator {
    switch name {
    case .align:
      .align(samplingRatio: samplingRatio, aligned: aligned, maximum: reduction == .maximum)
    case .pool: .pool
    case .warp: .warp(samplingRatio: samplingRatio)
    }
  }
}

/// The picture that a command may be given in place of a trace.
struct PictureArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A PNG or JPEG picture; the earlier stages are then run first.", valueName: "picture"))
  var path: String?

  var file: URL? { path.map { URL(fileURLWithPath: $0) } }
}

/// What comes with the package.
enum Bundled {
  static var picture: URL { fixtures.appending(path: "pictures/nuclei.png") }
  static var weights: URL { fixtures.appending(path: "weights/nuclei.safetensors") }

  /// The package's `Fixtures`: under the current folder, or where this file was compiled.
  static var fixtures: URL {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
      .appending(path: "Fixtures")
    if FileManager.default.fileExists(atPath: here.path) { return here }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
  }
}
