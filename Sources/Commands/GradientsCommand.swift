import ArgumentParser
import Figures
import Stage8Losses
import Stage9Gradients
import Tracing

/// `gradients`: stage 9, and the losses before and after the step as a table.
package struct GradientsCommand: ParsableCommand {
  package static var configuration: CommandConfiguration {
    StageCommand<GradientsStage>.configuration
  }

  @OptionGroup var learning: LearningArguments<GradientsStage>

  package init() {}

  package func run() throws {
    try learning.run { trace in
      try stepTable(trace.current(GradientsStage.name))
    }
  }
}

/// The five losses before and after one step of gradient descent.
private func stepTable(_ folder: StageFolder) throws -> String {
  var table = Table(["loss", "before the step", "after", "change"], right: [1, 2, 3])
  for row in try DescentStep(folder).rows { table.add(row) }
  return table.text
}
