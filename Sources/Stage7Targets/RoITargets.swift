// Stage 7, what the two heads should have said of an image's proposals. Paper: section 3.1,
// "Training"; Girshick 2015 (Fast R-CNN), section 2.3; torchvision: models/detection/roi_heads.py,
// `select_training_samples`.
//
// In: proposals and the truth.  Out: a sample of RoIs with classes, deltas and masks.
// B proposals with the truth's boxes behind them, R sampled RoIs, P of them positive, M rows and
// columns of a mask.

import Stage3Proposals
import Tensors

/// What the box head and the mask head are trained to predict for one image.
public struct RoITargets: Sendable, Equatable {
  /// B boxes: the proposals, then the truth's own boxes, so that early in training, while proposals
  /// are poor, there are positive examples.
  public let candidates: [Box]
  /// Of each candidate: which object, which IoU, which label.
  public let matches: [Match]
  /// The candidates that the heads are trained on, in ascending order: R indices.
  public let sampled: [Int]
  /// The class of each sampled RoI, 0 for background.
  public let labels: [Int]
  /// Which of the sampled RoIs are positive: P places in `sampled`, in ascending order.
  public let positives: [Int]
  /// The object of each positive RoI.
  public let truths: [Int]
  /// `[P, 4]`: the deltas that make each positive RoI its object's box, times the weights 10 10 5
  /// 5.
  public let deltas: Tensor
  /// `[P, M, M]`: what the mask head should draw in each positive RoI.
  public let masks: Tensor

  /// Makes targets of matches and a sample of them.
  ///
  /// - Parameters:
  ///   - candidates: the proposals, then the truth's boxes
  ///   - sampled: indices of candidates, in ascending order
  ///   - maskSide: M
  ///   - coder: encodes the deltas
  public init(
    candidates: [Box], truth: ImageTruth, matches: [Match], sampled: [Int], maskSide: Int,
    coder: BoxCoder = .detections
  ) {
    precondition(matches.count == candidates.count, "every candidate has a match")
    let objects = sampled.map { matches[$0].label == .positive ? matches[$0].truth : nil }
    self.candidates = candidates
    self.matches = matches
    self.sampled = sampled
    labels = objects.map { $0.map { truth.labels[$0] } ?? 0 }
    positives = objects.indices.filter { objects[$0] != nil }
    truths = objects.compactMap { $0 }
    let boxes = positives.map { candidates[sampled[$0]] }
    deltas = coder.encode(truths.map { truth.boxes[$0] }, references: boxes)
    masks = maskTargets(
      truth.masks, in: truth.size, boxes: boxes, truths: truths, side: maskSide)
  }

  /// Makes targets of their parts, as they were stored.
  init(
    candidates: [Box], matches: [Match], sampled: [Int], labels: [Int], positives: [Int],
    truths: [Int], deltas: Tensor, masks: Tensor
  ) {
    (self.candidates, self.matches, self.sampled) = (candidates, matches, sampled)
    (self.labels, self.positives, self.truths) = (labels, positives, truths)
    (self.deltas, self.masks) = (deltas, masks)
  }

  /// The sampled RoIs, which the box head reads.
  public var boxes: [Box] { sampled.map { candidates[$0] } }
  /// The positive RoIs, which the mask head reads.
  public var maskBoxes: [Box] { positives.map { candidates[sampled[$0]] } }
  /// The class of each positive RoI.
  public var maskLabels: [Int] { positives.map { labels[$0] } }
  /// Whether each candidate is in the sample.
  public var isSampled: [Bool] { sampled.flags(among: candidates.count) }
}

/// Matches proposals and the truth's boxes with the truth and samples them.
///
/// - Parameters:
///   - proposals: boxes in input pixels
///   - maskSide: M, the mask head's rows and columns: 28
///   - matcher: torchvision's is `.proposals`
///   - sampling: torchvision's is `.proposals`
///   - generator: chooses the sample
///   - coder: encodes the deltas
public func roiTargets(
  _ proposals: [Box], truth: ImageTruth, maskSide: Int, matcher: Matcher,
  sampling: Sampling, using generator: inout SeededGenerator, coder: BoxCoder = .detections
) -> RoITargets {
  let candidates = proposals + truth.boxes
  let matches = matcher(overlaps(truth.boxes, candidates))
  let sampled = sampling(matches.map(\.label), using: &generator)
  return RoITargets(
    candidates: candidates, truth: truth, matches: matches, sampled: sampled, maskSide: maskSide,
    coder: coder)
}
