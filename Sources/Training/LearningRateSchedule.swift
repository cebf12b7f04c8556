import Foundation

/// What becomes of the learning rate in the course of training.
public enum LearningRateDecay: Sendable, Equatable, Codable {
  /// Nothing.
  case constant
  /// Half a cosine from the whole rate to `floor` of it, reached with the last step (Loshchilov and
  /// Hutter 2017, "SGDR", equation 5, one period).
  case cosine(floor: Float)
  /// A factor with each of some steps, `gamma`: the paper divides by 10 at 120 of 160 thousand
  /// steps.
  case steps(at: [Int], factor: Float)
}

/// The learning rate of every step.
public struct LearningRateSchedule: Sendable, Equatable, Codable {
  /// The rate after the warm-up.
  public var rate: Float
  /// How many steps the warm-up takes.
  public var warmUpSteps: Int
  /// The part of the rate that the warm-up begins with.
  public var warmUpFactor: Float
  /// What follows.
  public var decay: LearningRateDecay

  /// Makes a schedule.
  public init(
    rate: Float, warmUpSteps: Int, warmUpFactor: Float = 0.001, decay: LearningRateDecay
  ) {
    (self.rate, self.warmUpSteps) = (rate, warmUpSteps)
    (self.warmUpFactor, self.decay) = (warmUpFactor, decay)
  }

  /// The rate of a step, from 0. With W steps of warm-up that begin at the part f of the rate r,
  ///
  ///     r decay(step) (f + (1 - f) min(1, step / W))
  ///
  /// The decay runs from the first step on, so that the warm-up does not move it.
  ///
  /// - Parameter count: all steps that will be taken
  public func rate(at step: Int, of count: Int) -> Float {
    let warmth = warmUpSteps > 0 ? min(1, Float(step) / Float(warmUpSteps)) : 1
    return rate * decayed(step, count) * (warmUpFactor + (1 - warmUpFactor) * warmth)
  }

  private func decayed(_ step: Int, _ count: Int) -> Float {
    switch decay {
    case .constant: return 1
    case .cosine(let floor):
      let progress = Float(min(step, count)) / Float(max(count, 1))
      return floor + (1 - floor) * (1 + cos(Float.pi * progress)) / 2
    case .steps(let steps, let factor):
      return steps.reduce(1) { step >= $1 ? $0 * factor : $0 }
    }
  }
}
