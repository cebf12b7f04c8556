// Stage 9, forward: the network on a batch of images with what its backward pass needs kept. The
// arithmetic is that of the stages 1, 2, 4 and 5.
//
// N images, F channels of the pyramid, H W rows and columns of the padded input, s a level's
// stride, A anchors per cell, R sampled RoIs and P positive ones of all images, K classes, M side
// of a mask.

import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage4RoI
import Stage5Heads
import Stage7Targets
import Stage8Losses
import Tensors

/// The part of the network that reads whole images: trunk, pyramid and region proposal network.
public struct ImagePass: Sendable {
  /// P2 … P6, `[N, F, H / s, W / s]`.
  public let pyramid: [Tensor]
  /// Objectness and deltas of every level, `[N, A, H / s, W / s]` and `[N, 4 A, H / s, W / s]`.
  public let predictions: [RPNPrediction]
  let trunk: TrunkTape
  let levels: PyramidTape
  let rpn: [RPNTape]

  /// Runs it.
  ///
  /// - Parameters:
  ///   - input: `[N, 3, H, W]`
  ///   - norms: how the trunk's and the other batch norms are trained
  public init(_ input: Tensor, _ parameters: MaskRCNNParameters, norms: NormTraining) {
    let (features, trunk) = trunkForward(input, parameters.backbone, norms: norms)
    let (pyramid, levels) = pyramidForward(features, parameters.backbone, norms: norms)
    let heads = pyramid.map { rpnForward($0, parameters.rpnHead, norms: norms) }
    self.pyramid = pyramid
    predictions = heads.map(\.prediction)
    (self.trunk, self.levels) = (trunk, levels)
    rpn = heads.map(\.tape)
  }
}

/// The part of the network that reads sampled RoIs: RoI operator, box head and mask head.
public struct RoIPass: Sendable {
  /// What the box head predicts for the R sampled RoIs.
  public let boxes: BoxPrediction
  /// What the mask head predicts for the P positive ones, `[P, K, M, M]`.
  public let maskLogits: Tensor
  let rois: RoIPyramid
  let sampled: [RoI]
  let positive: [RoI]
  let roiOperator: RoIOperator
  let maskActivation: MaskActivation
  let box: BoxHeadTape
  let mask: MaskHeadTape

  /// Runs it on the RoIs that stage 7 sampled.
  ///
  /// - Parameters:
  ///   - pyramid: P2 … P6 of the N images
  ///   - input: the padded input's size
  ///   - targets: of each of the N images
  ///   - settings: how RoIs are read, and what the mask loss is computed from
  public init(
    _ pyramid: [Tensor], input: ImageSize, targets: [RoITargets],
    _ parameters: MaskRCNNParameters, _ settings: ModelSettings, operator roiOperator: RoIOperator,
    norms: NormTraining
  ) {
    rois = RoIPyramid(
      pyramid, firstLevel: parameters.backbone.levels.lowerBound, LevelAssignment(settings.roi),
      input: input)
    self.roiOperator = roiOperator
    maskActivation = settings.maskActivation
    sampled = RoI.all(targets.map(\.boxes))
    positive = RoI.all(targets.map(\.maskBoxes))
    let features = rois.features(
      sampled, bins: BinGrid(parameters.boxBins), operator: roiOperator)  // [R, F, 7, 7]
    (boxes, box) = boxHeadForward(features, parameters.boxHead, norms: norms)
    let maskFeatures = rois.features(
      positive, bins: BinGrid(settings.roi.maskBins), operator: roiOperator)  // [P, F, 14, 14]
    (maskLogits, mask) = maskHeadForward(maskFeatures, parameters.maskHead, norms: norms)
  }
}

/// The five losses of a forward pass.
///
/// - Parameters:
///   - anchors: of each of the N images
///   - rois: of each of the N images
public func losses(
  _ images: ImagePass, _ rois: RoIPass, anchors: [AnchorTargets], rois targets: [RoITargets]
) -> TrainingLosses {
  TrainingLosses(
    rpn: rpnLosses(
      objectness: images.predictions.map(\.objectness), deltas: images.predictions.map(\.deltas),
      targets: anchors),
    boxHead: boxHeadLosses(
      classLogits: rois.boxes.classLogits, deltas: rois.boxes.deltas, targets: targets),
    masks: maskLoss(rois.maskLogits, targets: targets, rois.maskActivation))
}
