// Stage 7, what the region proposal network should have said of an image's anchors. Paper: section
// 3.1; Ren et al. 2015 (Faster R-CNN), sections 3.1.2 and 3.1.3; torchvision:
// models/detection/rpn.py, `assign_targets_to_anchors` and `compute_loss`.
//
// In: anchors of all levels and the truth.  Out: labels, a sample, and deltas for its positive
// anchors. A anchors of all levels together, P positive anchors in the sample.

import Stage3Proposals
import Tensors

/// What the region proposal network is trained to predict for one image.
public struct AnchorTargets: Sendable, Equatable {
  /// Of each of the A anchors: which object, which IoU, which label.
  public let matches: [Match]
  /// The anchors that the objectness loss is taken over, in ascending order.
  public let sampled: [Int]
  /// Those of them that are positive, in ascending order: the box loss is taken over them.
  public let positives: [Int]
  /// `[P, 4]`: for each of `positives`, the deltas that make its object's box of the anchor.
  public let deltas: Tensor

  /// Makes targets of matches and a sample of them.
  ///
  /// - Parameters:
  ///   - anchors: A boxes, in the order of `AnchorGrids`
  ///   - sampled: indices of anchors, in ascending order
  public init(_ anchors: [Box], truth: ImageTruth, matches: [Match], sampled: [Int]) {
    precondition(matches.count == anchors.count, "every anchor has a match")
    let pairs = sampled.compactMap { index in
      matches[index].label == .positive ? matches[index].truth.map { (index, $0) } : nil
    }
    self.matches = matches
    self.sampled = sampled
    positives = pairs.map(\.0)
    deltas = BoxCoder.proposals.encode(
      pairs.map { truth.boxes[$0.1] }, references: pairs.map { anchors[$0.0] })
  }

  /// Makes targets of their parts, as they were stored.
  init(matches: [Match], sampled: [Int], positives: [Int], deltas: Tensor) {
    (self.matches, self.sampled) = (matches, sampled)
    (self.positives, self.deltas) = (positives, deltas)
  }

  /// Whether each anchor is in the sample.
  public var isSampled: [Bool] { sampled.flags(among: matches.count) }
}

/// Matches anchors with the truth and samples them.
///
/// Anchors that leave the image take part, as in torchvision; Ren et al. leave them out.
///
/// - Parameters:
///   - anchors: A boxes, in the order of `AnchorGrids`
///   - matcher: torchvision's is `.anchors`
///   - sampling: torchvision's is `.anchors`
///   - generator: chooses the sample
public func anchorTargets(
  _ anchors: [Box], truth: ImageTruth, matcher: Matcher, sampling: Sampling,
  using generator: inout SeededGenerator
) -> AnchorTargets {
  let matches = matcher(overlaps(truth.boxes, anchors))
  let sampled = sampling(matches.map(\.label), using: &generator)
  return AnchorTargets(anchors, truth: truth, matches: matches, sampled: sampled)
}

extension [Int] {
  /// Whether each number of `0..<count` is among these.
  func flags(among count: Int) -> [Bool] {
    var flags = [Bool](repeating: false, count: count)
    for index in self { flags[index] = true }
    return flags
  }
}
