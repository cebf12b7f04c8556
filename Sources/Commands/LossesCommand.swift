import ArgumentParser
import Figures
import Stage8Losses
import Tracing

/// `losses`: stage 8, and the five losses as a table.
package struct LossesCommand: ParsableCommand {
  package static var configuration: CommandConfiguration {
    StageCommand<LossesStage>.configuration
  }

  @OptionGroup var learning: LearningArguments<LossesStage>

  package init() {}

  package func run() throws {
    try learning.run { trace in
      try lossTable(LossesStage.losses(of: trace.current(LossesStage.name)))
    }
  }
}

/// The five losses: what each is taken over, what it is divided by, and its part of the total.
func lossTable(_ losses: TrainingLosses) -> String {
  var table = Table(
    ["loss", "taken over", "sum", "divided by", "value", "of the total"], right: [2, 3, 4, 5])
  func share(_ value: Float) -> String {
    losses.total > 0 ? "\(Numerals.decimals(Double(value / losses.total) * 100, 1)) %" : "-"
  }
  for name in LossName.allCases {
    let loss = losses[name]
    table.add([
      name.rawValue, name.domain(loss.elements.shape[0], pixels: loss.elements.count),
      Numerals.decimals(loss.sum, 3), String(loss.divisor), "\(loss.value)", share(loss.value),
    ])
  }
  table.add(["total", "", "", "", "\(losses.total)", ""])
  return table.text
}

extension LossName {
  /// What a loss is taken over, as text.
  fileprivate func domain(_ count: Int, pixels: Int) -> String {
    switch self {
    case .objectness: "\(count) anchors"
    case .rpnBoxes: "\(count) positive anchors"
    case .classes: "\(count) RoIs"
    case .boxes: "\(count) positive RoIs"
    case .masks: "\(pixels) pixels of \(count) positive RoIs"
    }
  }
}
