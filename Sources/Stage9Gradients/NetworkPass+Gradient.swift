// Stage 9, backward: from the losses through the heads, the RoI operator, the region proposal
// network, the pyramid and the trunk to the input. L is the sum of the chosen losses; d… stands for
// dL/d….
//
// Proposals are constants here, as in torchvision and in the paper: no gradient flows from the
// heads through a box's coordinates to the region proposal network.
//
// N images, F channels of the pyramid, H W rows and columns of the padded input, s a level's
// stride.

import Model
import Stage1Backbone
import Stage2Anchors
import Stage4RoI
import Stage5Heads
import Stage7Targets
import Stage8Losses
import Tensors

/// What a backward pass returns.
public struct NetworkGradient: Sendable {
  /// dL/dparameter for every parameter, in the shape of the parameter tree. Where norms were
  /// trained on the batch's statistics, their mean and variance hold these.
  public var parameters: MaskRCNNParameters
  /// dP2 … dP6, `[N, F, H / s, W / s]`: what the heads and the region proposal network send back,
  /// and for P5 what P6 does.
  public var pyramid: [Tensor]
  /// dC2 … dC5, `[N, C, H / s, W / s]`; nil below the trained layers.
  public var trunk: [Tensor?]
  /// dL/dinput, `[N, 3, H, W]`; nil unless asked for.
  public var input: Tensor?
  /// dL/dfeatures of the R sampled RoIs, `[R, F, 7, 7]`; nil where no loss of the box head is
  /// chosen.
  public var boxFeatures: Tensor?
  /// dL/dfeatures of the P positive RoIs, `[P, F, 14, 14]`; nil where the mask loss is not chosen.
  public var maskFeatures: Tensor?
}

/// Which parts of a backward pass are computed.
public struct BackwardOptions: Sendable, Equatable {
  /// The losses whose sum is L.
  public var losses: Set<LossName>
  /// How many parts of the trunk, from the stem on, have no gradient.
  public var frozenParts: Int
  /// Whether dL/dinput is computed.
  public var needsInput: Bool

  /// Makes options.
  public init(losses: Set<LossName>, frozenParts: Int, needsInput: Bool) {
    (self.losses, self.frozenParts, self.needsInput) = (losses, frozenParts, needsInput)
  }
}

/// The network's backward pass.
///
/// - Parameters:
///   - images: the forward pass over the images
///   - rois: the forward pass over the sampled RoIs
///   - anchors: of each of the N images
///   - targets: of each of the N images
public func networkGradient(
  _ images: ImagePass, _ rois: RoIPass, anchors: [AnchorTargets], rois targets: [RoITargets],
  _ parameters: MaskRCNNParameters, _ options: BackwardOptions
) -> NetworkGradient {
  var gradients = parameters.zeros
  // The heads, and through the RoI operator to the pyramid.
  let (boxFeatures, maskFeatures) = headGradients(rois, targets, parameters, options, &gradients)
  var pyramid = images.pyramid.map { Tensor($0.shape, repeating: 0) }  // [N, F, H / s, W / s]
  for (gradient, of) in [(boxFeatures, rois.sampled), (maskFeatures, rois.positive)] {
    guard let gradient else { continue }
    let levels = rois.rois.featuresGradient(gradient, of, operator: rois.roiOperator)
    let first = rois.rois.numbers.lowerBound - parameters.backbone.levels.lowerBound
    for (level, part) in levels.enumerated() { pyramid[first + level].add(part) }
  }
  // The region proposal network, whose weights every level shares.
  var rpn = rpnLossGradients(
    objectness: images.predictions.map(\.objectness), deltas: images.predictions.map(\.deltas),
    targets: anchors)
  if !options.losses.contains(.objectness) {
    rpn.objectness = rpn.objectness.map { $0.map { _ in 0 } }
  }
  if !options.losses.contains(.rpnBoxes) { rpn.deltas = rpn.deltas.map { $0.map { _ in 0 } } }
  if options.losses.contains(.objectness) || options.losses.contains(.rpnBoxes) {
    for level in pyramid.indices {
      let result = rpnBackward(
        objectness: rpn.objectness[level], deltas: rpn.deltas[level], parameters.rpnHead,
        images.rpn[level])
      pyramid[level].add(result.features)
      gradients.rpnHead.add(result.parameters)
    }
  }
  let levels = pyramidBackward(
    &pyramid, parameters.backbone, images.levels, parameters: &gradients.backbone)
  let trunk = trunkBackward(
    levels, parameters.backbone, images.trunk, frozenParts: options.frozenParts,
    needsInput: options.needsInput, parameters: &gradients.backbone)
  return NetworkGradient(
    parameters: gradients, pyramid: pyramid, trunk: trunk.levels, input: trunk.input,
    boxFeatures: boxFeatures, maskFeatures: maskFeatures)
}

/// The heads' backward passes: the gradients of the RoI features, `[R, F, 7, 7]` and
/// `[P, F, 14, 14]`; nil where no loss of a head is chosen, or no RoI was sampled.
private func headGradients(
  _ rois: RoIPass, _ targets: [RoITargets], _ parameters: MaskRCNNParameters,
  _ options: BackwardOptions, _ gradients: inout MaskRCNNParameters
) -> (boxes: Tensor?, masks: Tensor?) {
  var result: (boxes: Tensor?, masks: Tensor?) = (nil, nil)
  // The mask head first: it needs far more memory, and so has none of the box head's beside it.
  if options.losses.contains(.masks), !rois.positive.isEmpty {
    let seed = maskLossGradient(rois.maskLogits, targets: targets, rois.maskActivation)
    let mask = maskHeadBackward(seed, parameters.maskHead, rois.mask)
    gradients.maskHead = mask.parameters
    result.masks = mask.features
  }
  if options.losses.contains(.classes) || options.losses.contains(.boxes), !rois.sampled.isEmpty {
    var seeds = boxHeadLossGradients(
      classLogits: rois.boxes.classLogits, deltas: rois.boxes.deltas, targets: targets)
    if !options.losses.contains(.classes) { seeds.classLogits = seeds.classLogits.map { _ in 0 } }
    if !options.losses.contains(.boxes) { seeds.deltas = seeds.deltas.map { _ in 0 } }
    let box = boxHeadBackward(
      classLogits: seeds.classLogits, deltas: seeds.deltas, parameters.boxHead, rois.box)
    gradients.boxHead = box.parameters
    result.boxes = box.features
  }
  return result
}
