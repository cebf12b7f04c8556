import Figures
import Stage8Losses
import Tensors
import Tracing

/// One step of gradient descent, and what it did to the losses.
public struct DescentStep: Sendable, Equatable {
  /// The five losses that the gradient was taken of, in the order of `LossName.allCases`.
  public let before: [Float]
  /// The losses of the same anchors and RoIs with the moved parameters.
  public let after: [Float]

  /// Makes the step's outcome of the losses before and after it.
  public init(before: TrainingLosses, after: TrainingLosses) {
    self.before = LossName.allCases.map { before[$0].value }
    self.after = LossName.allCases.map { after[$0].value }
  }

  /// Reads what stage 9 left.
  ///
  /// - Throws: `Fault` if it is missing or damaged.
  public init(_ folder: StageFolder) throws {
    let stored = try folder.tensor("step")  // [losses, before after]
    guard stored.shape == [LossName.allCases.count, 2] else {
      throw Fault(
        folder.folder.path, "the losses before and after the step have shape \(stored.shape)",
        remedy: "Run the stage gradients again")
    }
    before = stride(from: 0, to: stored.count, by: 2).map { stored.values[$0] }
    after = stride(from: 1, to: stored.count, by: 2).map { stored.values[$0] }
  }

  /// `[losses, before after]`
  var tensor: Tensor { Tensor([before.count, 2], zip(before, after).flatMap { [$0, $1] }) }

  /// The losses' sum before and after.
  public var totals: (before: Float, after: Float) {
    (before.reduce(0, +), after.reduce(0, +))
  }

  /// The five losses and their sum, a row each: name, before, after, change.
  public var rows: [[String]] {
    let names = LossName.allCases.map(\.words) + ["sum"]
    let values = zip(before + [totals.before], after + [totals.after])
    return zip(names, values).map { name, pair in
      let change = Numerals.decimals(Double(pair.1) - Double(pair.0), 6)
      return [
        name, Numerals.decimals(Double(pair.0), 6), Numerals.decimals(Double(pair.1), 6),
        pair.1 > pair.0 ? "+\(change)" : change,
      ]
    }
  }
}
