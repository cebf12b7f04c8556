import ArgumentParser
import Inference
import Stage4RoI
import Stage8Losses
import Stage9Gradients

/// `maskrcnn`: all stages, and what is done with whole traces.
package struct MaskRCNNCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "maskrcnn",
    abstract: "Mask R-CNN, step by step: every stage leaves its tensors and figures in a trace.",
    discussion: "Without a subcommand: run, whose options maskrcnn run --help lists.",
    subcommands: [RunCommand.self] + AllStages.types.map { command(of: $0) } + [
      PageCommand.self, DownstreamCommand.self, BreakCommand.self, DiffCommand.self,
      InspectCommand.self, VerifyCommand.self, EvaluateCommand.self, TrainCommand.self,
      AblationCommand.self, ScenesCommand.self, BenchCommand.self,
    ],
    defaultSubcommand: RunCommand.self)

  package init() {}

  private static func command<S: PipelineStage>(of stage: S.Type) -> any ParsableCommand.Type {
    // Stage 4 has further subcommands, the stages 8 and 9 a table.
    if stage == RoIStage.self { return RoICommand.self }
    if stage == LossesStage.self { return LossesCommand.self }
    if stage == GradientsStage.self { return GradientsCommand.self }
    return S.number < InferenceStages.types.count
      ? StageCommand<S>.self : LearningCommand<S>.self
  }
}
