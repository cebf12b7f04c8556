import Figures
import Stage8Losses

/// One step of gradient descent, and what it did to the losses.
public struct DescentStep: Sendable {
  /// By how many times its gradient each parameter was moved.
  public let learningRate: Float
  /// The losses that the gradient was taken of.
  public let before: TrainingLosses
  /// The losses of the same anchors and RoIs with the moved parameters.
  public let after: TrainingLosses

  /// The five losses and their sum, a row each: name, before, after, change.
  var rows: [[String]] {
    let each = LossName.allCases.map { ($0.words, before[$0].value, after[$0].value) }
    return (each + [("sum", before.total, after.total)]).map { name, before, after in
      [name, number(before), number(after), change(before, after)]
    }
  }

  private func number(_ value: Float) -> String { Numerals.decimals(Double(value), 6) }

  private func change(_ before: Float, _ after: Float) -> String {
    let difference = Numerals.decimals(Double(after) - Double(before), 6)
    return after > before ? "+\(difference)" : difference
  }
}
