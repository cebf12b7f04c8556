// The seven stages on one image, in memory, without a trace: what `bench` times.
//
// H0 W0 rows and columns of the image, Hp Wp of the padded input, s a level's stride, F channels
// of the pyramid, R proposals, D detections, M side of a predicted mask.

import Kernels
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors

/// What the whole model finds in an image; boxes and masks in the image's own pixels.
public struct Findings: Sendable {
  /// D boxes, by descending score.
  public var boxes: [Box]
  /// D scores, each the softmax of its class.
  public var scores: [Float]
  /// D classes, 0 the background, which none of them is.
  public var labels: [Int]
  /// D masks, each in its window of the image.
  public var masks: [PastedMask]
}

/// Runs the whole model on an image in memory, with torchvision's options: resize and normalise,
/// trunk, feature pyramid, region proposal network, proposals, RoIAlign, box head, detections, mask
/// head, and every mask pasted into the image.
///
/// `Fixtures/record/bench_peers.py` times it against torchvision's `model([image])`.
///
/// - Parameter image: `[3, H0, W0]`, RGB in 0...1
public func wholeModel(_ model: MaskRCNNModel, image: Tensor) -> Findings {
  let parts = NetworkParts(model, image: image)
  return parts.findings(parts.pyramid(parts.input(image)))
}

/// What trunk and feature pyramid read: the image normalised, resized and padded.
///
/// - Parameter image: `[3, H0, W0]`, RGB in 0...1
/// - Returns: `[1, 3, Hp, Wp]`
public func backboneInput(_ model: MaskRCNNModel, image: Tensor) -> Tensor {
  NetworkParts(model, image: image).input(image)
}

/// Trunk and feature pyramid.
///
/// - Parameter input: `[1, 3, Hp, Wp]`
/// - Returns: P2 … P6, `[1, F, Hp / s, Wp / s]` at strides s of 4 … 64
public func backbonePyramid(_ model: MaskRCNNModel, input: Tensor) -> [Tensor] {
  featurePyramid(trunkFeatures(input, model.backbone).levels, model.backbone)
}

/// The parts of the network for images of one size, each from what the part before it gave.
struct NetworkParts {
  let model: MaskRCNNModel
  /// The image as it came.
  let original: ImageSize
  /// The resized image.
  let size: ImageSize
  /// By which numbers candidates become proposals; torchvision's unless changed.
  var proposalOptions = ProposalsStage().settings

  init(_ model: MaskRCNNModel, image: Tensor) {
    self.model = model
    original = ImageSize(height: image.shape[1], width: image.shape[2])
    size = model.settings.resize.size(for: original)
  }

  /// Rows and columns of the padded input.
  private var paddedSize: ImageSize {
    let unit = InputStage.padding
    func rounded(_ side: Int) -> Int { (side + unit - 1) / unit * unit }
    return ImageSize(height: rounded(size.height), width: rounded(size.width))
  }

  /// `[1, 3, Hp, Wp]`
  func input(_ image: Tensor) -> Tensor {
    padded(
      resizeBilinear(
        normalised(
          image, mean: model.settings.mean,
          standardDeviation: model.settings.standardDeviation),
        rows: size.height, columns: size.width), toMultipleOf: InputStage.padding)
  }

  /// P2 … P6
  func pyramid(_ input: Tensor) -> [Tensor] { backbonePyramid(model, input: input) }

  /// What the region proposal network says of every anchor.
  func candidates(_ pyramid: [Tensor]) -> [LevelCandidates] {
    pyramid.enumerated().map { level, features in
      let prediction = rpnPrediction(features, model.rpnHead)
      let (rows, columns) = (features.shape[2], features.shape[3])
      let base = baseAnchors(
        size: model.settings.anchorSizes[level],
        aspectRatios: model.settings.anchorAspectRatios)
      let anchors = gridAnchors(
        base: base, rows: rows, columns: columns, rowStride: paddedSize.height / rows,
        columnStride: paddedSize.width / columns)
      return LevelCandidates(
        objectness: prediction.objectness, deltas: prediction.deltas, anchors: anchors)
    }
  }

  /// R boxes.
  func proposedBoxes(_ candidates: [LevelCandidates]) -> [Box] {
    proposals(candidates, width: size.width, height: size.height, proposalOptions).boxes
  }

  /// RoIAlign: `[R, F, Y, X]`, Y X the grid of bins.
  func features(_ pyramid: [Tensor], _ boxes: [Box], _ bins: BinGrid) -> Tensor {
    let levels = Array(pyramid.prefix(RoIStage.levels.count))  // P6 has no RoIs
    return roiFeatures(
      levels, boxes: boxes,
      levels: boxes.map { pyramidLevel(of: $0, among: RoIStage.levelNumbers) },
      scales: levels.map { 1 / Float(paddedSize.height / $0.shape[2]) }, bins: bins,
      operator: .torchvision)
  }

  /// D boxes in pixels of the resized image, with class and score.
  func detected(_ prediction: BoxPrediction, proposals boxes: [Box]) -> [ScoredBox] {
    detections(
      scores: prediction.classScores,
      refined: refinedBoxes(
        boxes, deltas: prediction.deltas, width: size.width, height: size.height),
      HeadsStage(model).settings
    ).all
  }

  /// Detections and their masks in the image's own pixels.
  ///
  /// - Parameter logits: `[D, K, M, M]`, K classes
  func pasted(_ logits: Tensor, _ found: [ScoredBox]) -> Findings {
    let boxes = found.map {
      $0.box.scaled(
        x: Float(original.width) / Float(size.width),
        y: Float(original.height) / Float(size.height))
    }
    let labels = found.map(\.label)
    let probabilities = maskProbabilities(logits, labels: labels)  // [D, M, M]
    let masks = pasteMasks(
      probabilities, boxes: boxes, width: original.width, height: original.height)
    return Findings(boxes: boxes, scores: found.map(\.score), labels: labels, masks: masks)
  }

  /// Everything that follows the pyramid.
  func findings(_ pyramid: [Tensor]) -> Findings {
    let boxes = proposedBoxes(candidates(pyramid))
    let prediction = boxPrediction(features(pyramid, boxes, RoIStage.bins), model.boxHead)
    let found = detected(prediction, proposals: boxes)
    let logits = maskLogits(
      features(pyramid, found.map(\.box), HeadsStage.maskBins), model.maskHead)
    return pasted(logits, found)
  }
}
