import ArgumentParser
import Stage4RoI

/// `roi`: stage 4, and what shows how its operators differ.
package struct RoICommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: RoIStage.command,
    abstract: StageCommand<RoIStage>.configuration.abstract,
    discussion: """
      Without a subcommand: run, whose options roi run --help lists.
      \(StageCommand<RoIStage>.configuration.discussion)
      """,
    subcommands: [RoIRunCommand.self, SweepCommand.self], defaultSubcommand: RoIRunCommand.self)

  package init() {}
}

/// `roi run`, the default: stage 4.
struct RoIRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Read the features of every proposal.")

  @OptionGroup var stage: StageArguments<RoIStage>

  func validate() throws {
    try refuseUnknownSubcommands(stage.image.path.map { [$0] } ?? [], of: RoICommand.self)
  }

  func run() throws { try stage.run() }
}
