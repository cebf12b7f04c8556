import ArgumentParser
import Foundation
import Inference
import Tensors
import Tracing

// One command per stage. Each serves twice: as an executable of its own, and as a subcommand of
// maskrcnn.

/// The command of a stage: `proposals` runs stage 3.
package struct StageCommand<S: PipelineStage>: ParsableCommand {
  package static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: S.command, abstract: "Stage \(S.number). \(S.title)",
      discussion: "Guide: chapter \(S.number). Source: Sources/\(S.source).")
  }

  @OptionGroup var stage: StageArguments<S>

  package init() {}

  package func run() throws { try stage.run() }
}

/// The command of a stage of learning: the same, with the truth.
package struct LearningCommand<S: PipelineStage>: ParsableCommand {
  package static var configuration: CommandConfiguration { StageCommand<S>.configuration }

  @OptionGroup var learning: LearningArguments<S>

  package init() {}

  package func run() throws { try learning.run() }
}

/// What the command line of a stage of learning holds.
struct LearningArguments<S: PipelineStage>: ParsableArguments {
  @OptionGroup var stage: StageArguments<S>
  @OptionGroup var truth: TruthOption
  @OptionGroup var imageID: TruthImageOption
  @OptionGroup var label: TruthLabelOption

  /// Runs the stage; on an image, those before it first.
  ///
  /// - Parameter report: what is printed of the trace then, beside the table of the stages
  func run(report: (Trace) throws -> String? = { _ in nil }) throws {
    try stage.run(
      truth: GivenTruth(truth, imageID: imageID.imageID, label: label), report: report)
  }
}

/// What the command line of a stage's command holds.
struct StageArguments<S: PipelineStage>: ParsableArguments {
  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var flags: StageFlags<S.Options>
  @Flag(help: "Begin a trace that is there already again, with the image that is given.")
  var restart = false

  /// Runs the stage; on an image, those before it first.
  func run(
    truth: GivenTruth = GivenTruth(), report: (Trace) throws -> String? = { _ in nil }
  ) throws {
    var pipeline = try Pipeline(
      trace, weights: weights, kernels: kernels, truth: truth,
      begins: image.file != nil || S.number == 0)
    pipeline.give(flags.given, to: S.self)
    if let file = image.file, S.number > 0 {
      guard restart || pipeline.trace.stages.isEmpty else {
        throw Fault(
          trace.folder.relativePath,
          "the trace holds stages already, and \(file.relativePath) would take the place of "
            + (pipeline.trace.image.map { "its image, \($0.lastPathComponent)" } ?? "its image"),
          remedy:
            "Leave out the image to run stage \(S.number) on what the trace holds, or begin it "
            + "again with --restart")
      }
      print("Running the stages 0 to \(S.number - 1) on \(file.relativePath) first.\n")
      if S.number >= InferenceStages.types.count { try pipeline.checkTruth(of: file) }
      for earlier in AllStages.types[..<S.number] { try pipeline.run(earlier, image: file) }
    }
    try pipeline.run(S.self, image: image.file)
    try pipeline.report(report(pipeline.trace))
  }
}
