// Stage 5, its two branches one after the other. Paper: section 3.1, "Inference": "the mask branch
// is then applied to the highest scoring 100 detection boxes".
//
// In: features of each proposal, [R, C, 7, 7], and the pyramid.  Out: D detections with a mask of
// logits per class, [D, K, 28, 28].  R RoIs, K classes with the background as class 0.

import Model
import Stage0Input
import Stage4RoI
import Tensors

/// What the box branch makes of the features of all proposals.
public struct BoxBranch: Sendable {
  /// What the box head says of the proposals.
  public var prediction: BoxPrediction
  /// Every proposal moved by every class's deltas and clipped to the image, `[R, K, 4]`.
  public var refined: Tensor
  /// What remains after score threshold, suppression and limit.
  public var detections: Detections

  /// Runs the branch.
  ///
  /// - Parameters:
  ///   - features: `[R, C, Y, X]`
  ///   - proposals: R boxes in pixels of the resized image
  ///   - image: the size of the resized image, without the padding
  public init(
    _ features: Tensor, proposals: [Box], image: ImageSize, _ head: BoxHead,
    _ options: DetectionOptions
  ) {
    prediction = boxPrediction(features, head)
    refined = refinedBoxes(
      proposals, deltas: prediction.deltas, width: image.width, height: image.height)
    detections = Stage5Heads.detections(
      scores: prediction.classScores, refined: refined, options)
  }
}

/// What the mask branch makes of the detections.
public struct MaskBranch: Sendable {
  /// The level that each detection is read from, 0 for P2.
  public var levels: [Int]
  /// What the mask head reads, `[D, C, 14, 14]`.
  public var features: Tensor
  /// A mask per class, `[D, K, 28, 28]`.
  public var logits: Tensor

  /// Reads the detections' boxes from the pyramid and runs the mask head on them.
  ///
  /// - Parameters:
  ///   - boxes: D detections in pixels of the resized image
  ///   - roiOperator: how their features are read
  public init(
    _ boxes: [Box], _ pyramid: RoIPyramid, _ head: MaskHead, operator roiOperator: RoIOperator
  ) {
    levels = boxes.map { pyramidLevel(of: $0, among: RoIStage.levelNumbers) }
    features = pyramid.features(
      boxes, levels: levels, bins: HeadsStage.maskBins, operator: roiOperator)
    logits = maskLogits(features, head)
  }
}
