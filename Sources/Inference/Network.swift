// The stages on images in memory, without a trace, each from what the one before it returned.
//
// N images, Hp Wp rows and columns of the padded input, s a level's stride, F channels of the
// pyramid, R proposals and D detections of all images, K classes, M side of a predicted mask.

import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors

/// A model with the options of inference, and its parts one by one.
public struct Network: Sendable {
  /// The parameters and settings.
  public var model: MaskRCNNModel
  /// By which numbers candidates become proposals.
  public var proposalOptions: ProposalOptions
  /// How RoIs are read from the pyramid, for both heads.
  public var roiOperator: RoIOperator
  /// By which numbers predictions become detections.
  public var detectionOptions: DetectionOptions

  /// Takes a model, its settings, and torchvision's choice for everything else.
  public init(_ model: MaskRCNNModel) {
    self.model = model
    proposalOptions = .torchvision
    roiOperator = RoIOperator(model.settings.roi)
    detectionOptions = .torchvision(model.settings)
  }

  /// Stage 0: images, RGB in 0...1, each `[3, H0, W0]`, as the backbone reads them.
  public func input(_ images: [Tensor]) -> InputBatch { InputBatch(images, model.settings) }

  /// Stage 1: P2 … P6, `[N, F, Hp / s, Wp / s]` at strides s of 4 … 64.
  ///
  /// - Parameter input: `[N, 3, Hp, Wp]`
  public func pyramid(_ input: Tensor) -> [Tensor] {
    featurePyramid(trunkFeatures(input, model.backbone).levels, model.backbone)
  }

  /// Stage 2: what the region proposal network predicts for every anchor of every level.
  ///
  /// - Parameter input: the padded input's size
  public func candidates(_ pyramid: [Tensor], input: ImageSize) -> [LevelCandidates] {
    candidates(pyramid.map { rpnPrediction($0, model.rpnHead) }, input: input)
  }

  /// Stage 2: the predictions of every level with its anchors.
  ///
  /// - Parameter input: the padded input's size
  public func candidates(_ predictions: [RPNPrediction], input: ImageSize) -> [LevelCandidates] {
    predictions.enumerated().map { level, prediction in
      let (rows, columns) = (prediction.objectness.shape[2], prediction.objectness.shape[3])
      let base = baseAnchors(
        sizes: model.settings.anchorSizes.levels[level],
        aspectRatios: model.settings.anchorAspectRatios[level])
      let stride = anchorStride(of: input, rows: rows, columns: columns)
      let anchors = gridAnchors(
        base: base, rows: rows, columns: columns, rowStride: stride.rows,
        columnStride: stride.columns)
      return LevelCandidates(
        objectness: prediction.objectness, deltas: prediction.deltas, anchors: anchors,
        level: model.backbone.levels.lowerBound + level)
    }
  }

  /// Stage 3: the proposals of each image in input pixels, R of them in all.
  ///
  /// - Parameter sizes: the sizes of each of the N images
  public func proposedBoxes(_ candidates: [LevelCandidates], _ sizes: [InputSizes]) -> [[Box]] {
    sizes.enumerated().map { image, size in
      proposals(
        candidates, image: image, width: size.resized.width, height: size.resized.height,
        proposalOptions
      ).boxes
    }
  }

  /// The bins that the box head reads, 7 x 7 in torchvision's models.
  public var boxBins: BinGrid { BinGrid(model.parameters.boxBins) }
  /// The bins that the mask head reads, 14 x 14 in torchvision's models.
  public var maskBins: BinGrid { BinGrid(model.settings.roi.maskBins) }

  /// The levels that RoIs are read from, of those that stage 1 left.
  ///
  /// - Parameter input: the padded input's size
  public func roiPyramid(_ pyramid: [Tensor], input: ImageSize) -> RoIPyramid {
    RoIPyramid(
      pyramid, firstLevel: model.backbone.levels.lowerBound,
      LevelAssignment(model.settings.roi), input: input)
  }

  /// Stage 4: the features of each image's boxes, `[R, F, Y, X]`, Y X the grid of bins.
  public func features(_ pyramid: RoIPyramid, _ boxes: [[Box]], bins: BinGrid) -> Tensor {
    pyramid.features(RoI.all(boxes), bins: bins, operator: roiOperator)
  }

  /// Stage 5, the box branch on the features of all proposals.
  ///
  /// - Parameter features: `[R, F, 7, 7]`
  public func boxBranch(
    _ features: Tensor, proposals: [[Box]], _ sizes: [InputSizes]
  ) -> BoxBranch {
    BoxBranch(
      features, proposals: proposals, images: sizes.map { $0.resized }, model.boxHead,
      detectionOptions)
  }

  /// Stage 5, the mask branch on the detections of each image: a mask of logits per class,
  /// `[D, K, M, M]`.
  public func maskLogits(_ detected: [[DetectionCandidate]], _ pyramid: RoIPyramid) -> Tensor {
    MaskBranch(
      detected.map { $0.map { $0.box } }, pyramid, model.maskHead, bins: maskBins,
      operator: roiOperator
    ).logits
  }

  /// Stage 6: boxes and masks of each image in its own pixels.
  ///
  /// - Parameter logits: `[D, K, M, M]`
  public func detections(
    _ detected: [[DetectionCandidate]], logits: Tensor, _ sizes: [InputSizes]
  ) -> [[Detection]] {
    let probabilities = maskProbabilities(
      logits, labels: detected.joined().map { $0.label }, model.settings.maskActivation
    )  // [D, M, M]
    var first = 0
    return zip(detected, sizes).map { detected, sizes in
      defer { first += detected.count }
      return pastedDetections(
        detected, probabilities.rows(first..<first + detected.count), sizes)
    }
  }

  /// The stages 5 and 6, and for the mask head stage 4 again, on the features of all proposals.
  ///
  /// - Parameter features: `[R, F, 7, 7]`
  public func detections(
    _ features: Tensor, proposals: [[Box]], _ pyramid: RoIPyramid, _ sizes: [InputSizes]
  ) -> [[Detection]] {
    let detected = boxBranch(features, proposals: proposals, sizes).candidates.map { $0.detected }
    return detections(detected, logits: maskLogits(detected, pyramid), sizes)
  }

  /// The stages 2 to 6.
  ///
  /// - Parameters:
  ///   - levels: P2 … P6, `[N, F, Hp / s, Wp / s]`
  ///   - sizes: the sizes of each of the N images
  public func detections(_ levels: [Tensor], _ sizes: [InputSizes]) -> [[Detection]] {
    guard let input = sizes.first?.padded else { return [] }
    let boxes = proposedBoxes(candidates(levels, input: input), sizes)
    let pyramid = roiPyramid(levels, input: input)
    let features = features(pyramid, boxes, bins: boxBins)  // [R, F, 7, 7]
    return detections(features, proposals: boxes, pyramid, sizes)
  }

  /// All stages.
  ///
  /// - Parameter images: RGB in 0...1, each `[3, H0, W0]`
  /// - Returns: the detections of each image, by descending score
  public func detections(in images: [Tensor]) -> [[Detection]] {
    guard !images.isEmpty else { return [] }
    let input = input(images)
    return detections(pyramid(input.tensor), input.sizes)
  }
}
