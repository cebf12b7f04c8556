// Stage 5, from class scores and deltas to detections. Paper: section 3.1, "Inference".
//
// In: proposals, class scores [R, K], deltas [R, 4 K].  Out: D detections.
// R RoIs, K classes with the background as class 0.

import Model
import Stage3Proposals
import Tensors

/// The numbers by which predictions become detections.
public struct DetectionOptions: Sendable, Equatable {
  /// A class counts for a RoI only with a score over this.
  public var scoreThreshold: Float
  /// Boxes with a side below this many input pixels are dropped.
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

extension DetectionOptions {
  /// torchvision's, with what a model's settings say.
  public static func torchvision(_ settings: ModelSettings) -> DetectionOptions {
    DetectionOptions(
      scoreThreshold: settings.scoreThreshold, minimumSize: 1e-2, nmsThreshold: 0.5,
      detectionsPerImage: settings.detectionsPerImage)
  }
}

/// An entry of stage 5's ledger: a pair of proposal and class whose score passed the threshold.
/// Those that are kept become detections, with their masks, in stage 6.
public struct DetectionCandidate: Sendable, Equatable {
  /// The proposal.
  public var proposal: Int
  /// The class, never 0.
  public var label: Int
  /// Its score.
  public var score: Float
  /// The proposal moved by the class's deltas and clipped to the image, in input pixels.
  public var box: Box
  /// What became of it.
  public var fate: Fate

  /// Makes an entry.
  public init(proposal: Int, label: Int, score: Float, box: Box, fate: Fate) {
    (self.proposal, self.label, self.score) = (proposal, label, score)
    (self.box, self.fate) = (box, fate)
  }
}

/// What the box head's predictions come to in one image.
public struct DetectionCandidates: Sendable {
  /// The pairs over the score threshold: by proposal, then by class.
  public var ledger: [DetectionCandidate]
  /// The entries that become detections, by descending score: indices into `ledger`.
  public var kept: [Int]

  /// The entries that become detections, by descending score.
  public var detected: [DetectionCandidate] { kept.map { ledger[$0] } }
}

/// Every proposal of an image moved by every class's deltas and clipped to the image.
///
/// - Parameters:
///   - proposals: R boxes in input pixels
///   - deltas: `[R, 4 K]`
///   - width: of the resized image, without the padding; `height` likewise
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

/// Chooses detections: every pair of a RoI and a class whose score passes the threshold is a
/// candidate; boxes with a side under `minimumSize` are dropped; per class, a box is suppressed
/// whose IoU with one of a higher score is over `nmsThreshold`; of all classes, the
/// `detectionsPerImage` with the highest scores remain.
///
/// - Parameters:
///   - scores: `[R, K]`, the RoIs of one image
///   - refined: `[R, K, 4]`
public func detectionCandidates(
  scores: Tensor, refined: Tensor, _ options: DetectionOptions
) -> DetectionCandidates {
  let (rois, classes) = (scores.shape[0], scores.shape[1])
  let boxes = refined.boxes
  var ledger: [DetectionCandidate] = []
  var survivors: [Int] = []
  for proposal in 0..<rois {
    for label in 1..<max(classes, 1) {
      let score = scores.values[proposal * classes + label]
      guard score > options.scoreThreshold else { continue }
      let box = boxes[proposal * classes + label]
      if box.isAtLeast(options.minimumSize) { survivors.append(ledger.count) }
      ledger.append(
        DetectionCandidate(
          proposal: proposal, label: label, score: score, box: box, fate: .tooSmall))
    }
  }
  let (kept, fates) = suppression(
    among: survivors, boxes: survivors.map { ledger[$0].box },
    scores: survivors.map { ledger[$0].score }, groups: survivors.map { ledger[$0].label },
    threshold: options.nmsThreshold, limit: options.detectionsPerImage)
  for (index, fate) in zip(survivors, fates) { ledger[index].fate = fate }
  return DetectionCandidates(ledger: ledger, kept: kept)
}
