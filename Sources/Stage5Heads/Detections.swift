// Stage 5, from class scores and deltas to detections. Paper: section 3.1, "Inference".
//
// In: proposals, class scores [R, K], deltas [R, 4 K].  Out: D detections.
// R RoIs, K classes with the background as class 0.

import Stage3Proposals
import Tensors

/// The numbers by which predictions become detections.
public struct DetectionOptions: Sendable, Equatable {
  /// A class counts for a RoI only with a score over this.
  public var scoreThreshold: Float
  /// Boxes with a side below this many pixels are dropped.
  public var minimumSize: Float
  /// IoU above which the lower-scored of two boxes of one class is suppressed.
  public var nmsThreshold: Double
  /// So many detections are handed on.
  public var detectionsPerImage: Int

  /// Makes options.
  public init(
    scoreThreshold: Float, minimumSize: Float, nmsThreshold: Double, detectionsPerImage: Int
  ) {
    self.scoreThreshold = scoreThreshold
    self.minimumSize = minimumSize
    self.nmsThreshold = nmsThreshold
    self.detectionsPerImage = detectionsPerImage
  }
}

/// What became of one pair of RoI and class whose score passed the threshold.
public enum DetectionFate: Sendable, Equatable {
  /// It is a detection.
  case kept
  /// A detection of the same class, named by its place in the ledger, covers it.
  case suppressed(by: Int, overlap: Float)
  /// A side of its clipped box was below the least.
  case tooSmall
  /// It survived suppression, but enough detections had higher scores.
  case beyondLimit
}

/// One pair of RoI and class in the ledger.
public struct ScoredBox: Sendable {
  /// The proposal.
  public var proposal: Int
  /// The class, never 0.
  public var label: Int
  /// Its score.
  public var score: Float
  /// The proposal moved by the class's deltas, clipped to the image.
  public var box: Box
  /// What became of it.
  public var fate: DetectionFate
}

/// What the box head's predictions come to.
public struct Detections: Sendable {
  /// The pairs over the score threshold: by proposal, then by class.
  public var ledger: [ScoredBox]
  /// The detections, by descending score: indices into `ledger`.
  public var kept: [Int]

  /// The detections themselves, by descending score.
  public var all: [ScoredBox] { kept.map { ledger[$0] } }
}

/// Every proposal moved by every class's deltas and clipped to the image.
///
/// - Parameter deltas: `[R, 4 K]`
/// - Returns: `[R, K, 4]`
public func refinedBoxes(_ proposals: [Box], deltas: Tensor, width: Int, height: Int) -> Tensor {
  let classes = deltas.shape[1] / 4
  var boxes: [Box] = []
  boxes.reserveCapacity(proposals.count * classes)
  for (index, proposal) in proposals.enumerated() {
    for label in 0..<classes {
      let first = (index * classes + label) * 4
      let box = BoxCoder.detections.decode(
        deltas.values[first], deltas.values[first + 1], deltas.values[first + 2],
        deltas.values[first + 3], reference: proposal)
      boxes.append(box.clipped(width: Float(width), height: Float(height)))
    }
  }
  return Tensor(boxes: boxes).reshaped([proposals.count, classes, 4])
}

/// Makes detections: every pair of a RoI and a class whose score passes the threshold is a
/// candidate; boxes with a side under `minimumSize` are dropped; per class, a box that a better one
/// covers is suppressed; the `detectionsPerImage` best of all classes remain.
///
/// - Parameters:
///   - scores: `[R, K]`
///   - refined: `[R, K, 4]`
public func detections(
  scores: Tensor, refined: Tensor, _ options: DetectionOptions
) -> Detections {
  let (rois, classes) = (scores.shape[0], scores.shape[1])
  let boxes = refined.boxes
  var ledger: [ScoredBox] = []
  for proposal in 0..<rois {
    for label in 1..<max(classes, 1) {
      let score = scores.values[proposal * classes + label]
      guard score > options.scoreThreshold else { continue }
      let box = boxes[proposal * classes + label]
      ledger.append(
        ScoredBox(
          proposal: proposal, label: label, score: score, box: box,
          fate: box.isAtLeast(options.minimumSize) ? .kept : .tooSmall))
    }
  }
  let survivors = ledger.indices.filter { ledger[$0].fate == .kept }
  let (order, decisions) = nonMaximumSuppression(
    survivors.map { ledger[$0].box }, scores: survivors.map { ledger[$0].score },
    groups: survivors.map { ledger[$0].label }, threshold: options.nmsThreshold)
  var kept: [Int] = []
  for position in order {
    let index = survivors[position]
    switch decisions[position] {
    case .suppressed(let by, let overlap):
      ledger[index].fate = .suppressed(by: survivors[by], overlap: overlap)
    case .kept where kept.count < options.detectionsPerImage:
      kept.append(index)
    case .kept:
      ledger[index].fate = .beyondLimit
    }
  }
  return Detections(ledger: ledger, kept: kept)
}
