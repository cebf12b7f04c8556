// Stage 7, which boxes the losses are taken over. Girshick 2015 (Fast R-CNN), section 2.3,
// "Mini-batch sampling"; torchvision: models/detection/_utils.py,
// `BalancedPositiveNegativeSampler`.

import Tensors

/// How boxes are drawn from those that are positive or negative. Of all anchors only some hundred
/// are positive: a loss over all of them would be about background alone.
public enum Sampling: Sendable, Equatable {
  /// `count` boxes, of which the part `positiveFraction` at most is positive; negative ones fill
  /// up. Fewer where there are not as many.
  case balanced(count: Int, positiveFraction: Double)
  /// Every positive and every negative box: no chance at all.
  case all
  /// The boxes that a record names, in ascending order.
  case recorded([Int])

  /// For anchors: 256, at most half of them positive.
  public static let anchors = Sampling.balanced(count: 256, positiveFraction: 0.5)
  /// For proposals: 512, at most a quarter of them positive.
  public static let proposals = Sampling.balanced(count: 512, positiveFraction: 0.25)

  /// Draws boxes.
  ///
  /// - Parameters:
  ///   - labels: of B boxes
  ///   - generator: chooses the positive boxes first, then the negative ones; `balanced` alone uses
  ///     it
  /// - Returns: indices of boxes, in ascending order, none of them ignored
  public func callAsFunction(
    _ labels: [MatchLabel], using generator: inout SeededGenerator
  ) -> [Int] {
    func indices(_ label: MatchLabel) -> [Int] { labels.indices.filter { labels[$0] == label } }
    switch self {
    case .balanced(let count, let positiveFraction):
      let (positive, negative) = (indices(.positive), indices(.negative))
      let positives = min(positive.count, Int(Double(count) * positiveFraction))
      let negatives = min(negative.count, count - positives)
      let chosen = generator.choose(positives, of: positive.count).map { positive[$0] }
      let others = generator.choose(negatives, of: negative.count).map { negative[$0] }
      return (chosen + others).sorted()
    case .all:
      return labels.indices.filter { labels[$0] != .ignored }
    case .recorded(let indices):
      precondition(
        indices.allSatisfy { labels.indices.contains($0) && labels[$0] != .ignored }
          && zip(indices, indices.dropFirst()).allSatisfy(<),
        "a sample has positive and negative boxes, each once, in ascending order")
      return indices
    }
  }
}
