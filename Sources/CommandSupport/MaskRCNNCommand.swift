import ArgumentParser
import Foundation
import Model
import Tensors
import Tracing

/// `maskrcnn`: all stages, and what is done with whole traces.
package struct MaskRCNNCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "maskrcnn",
    abstract: "Mask R-CNN, step by step: every stage leaves its tensors and figures in a trace.",
    discussion: "Without a subcommand: run, whose options maskrcnn run --help lists.",
    subcommands: [
      RunCommand.self, InputCommand.self, BackboneCommand.self, AnchorsCommand.self,
      ProposalsCommand.self, RoICommand.self, HeadsCommand.self, MasksCommand.self,
      PageCommand.self, DownstreamCommand.self, BreakCommand.self, DiffCommand.self,
      InspectCommand.self, VerifyCommand.self, BenchCommand.self, EvaluateCommand.self,
    ],
    defaultSubcommand: RunCommand.self)

  package init() {}
}

/// `maskrcnn run`, the default: every stage on one image.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run every stage on an image (default: the bundled one).")

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var roiOperator: OperatorOptions
  @OptionGroup var truth: TruthOption

  @Flag(help: "Keep the output of every residual block too.")
  var blocks = false

  func run() throws {
    var pipeline = try Pipeline(trace, weights: weights, kernels: kernels, begins: true)
    pipeline.roiOperator = roiOperator.roiOperator
    pipeline.keepsBlocks = blocks
    pipeline.truth = truth.file
    for number in 0...6 { try pipeline.run(number, image: image.file ?? Bundled.image) }
    try pipeline.report()
  }
}

/// `maskrcnn diff`: two traces, tensor by tensor.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two traces: the first stage that differs, then every tensor.",
    discussion: "Exit code 0 where all tensors agree, 1 where some do not.")

  @Argument(help: "A trace.") var first: String
  @Argument(help: "Another.") var second: String
  @Option(help: "Floats agree within this part of their tensor's range; integers exactly.")
  var tolerance = TraceComparison.usualTolerance

  func validate() throws {
    guard tolerance >= 0, tolerance.isFinite else {
      throw ValidationError("--tolerance is \(tolerance); give a number from 0.")
    }
  }

  func run() throws {
    let comparison = try TraceComparison(
      .open(URL(fileURLWithPath: first)), .open(URL(fileURLWithPath: second)))
    guard !comparison.stages.isEmpty else {
      throw Fault(first, "the two traces have no stage in common", remedy: "Run one in both")
    }
    let compared = comparison.tensors.count - comparison.incomparable
    guard compared > 0 else {
      throw Fault(
        first, "the two traces kept no tensor in common", remedy: "Run them with --tensors full")
    }
    if let stage = comparison.firstDifference(tolerance: tolerance) {
      print("The first stage that differs is \(stage).")
    } else {
      print("All \(compared) tensors agree within \(tolerance) of their range.")
    }
    let incomparable = comparison.incomparable
    print(
      incomparable == 0
        ? "" : "\(incomparable) more stand in one trace alone or were not kept as files.\n")
    print(comparison.table(tolerance: tolerance).text)
    if !comparison.unmatched.isEmpty {
      print("\nOnly one trace has \(comparison.unmatched.joined(separator: ", ")).")
    }
    if comparison.firstDifference(tolerance: tolerance) != nil { throw ExitCode(1) }
  }
}

extension TraceComparison {
  /// Every tensor in a line.
  func table(tolerance: Float) -> Table {
    var table = Table(
      ["stage", "tensor", "compared", "differing", "greatest", "of the range", ""],
      right: [2, 3, 4, 5])
    for tensor in tensors {
      let verdict = tensor.agrees(within: tolerance) ? "" : "differs"
      switch tensor.finding {
      case .compared(let difference):
        table.add([
          tensor.stage, tensor.name, String(difference.count), String(difference.differing),
          scientific(difference.greatest), scientific(difference.relative), verdict,
        ])
      case .shapes(let ours, let theirs):
        table.add([tensor.stage, tensor.name, "", "", "", "", "\(ours) against \(theirs)"])
      case .onlyFirst:
        table.add([tensor.stage, tensor.name, "", "", "", "", "only in the first"])
      case .onlySecond:
        table.add([tensor.stage, tensor.name, "", "", "", "", "only in the second"])
      case .notKept:
        table.add([tensor.stage, tensor.name, "", "", "", "", "not kept as a file"])
      }
    }
    return table
  }
}

/// `maskrcnn inspect`: a file or trace in words.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Tell what a weight file, an .npy file, an image or a trace holds.")

  @Argument(help: "A file or a trace's folder.") var path: String

  func run() throws {
    print(try describe(URL(fileURLWithPath: path)))
  }
}
