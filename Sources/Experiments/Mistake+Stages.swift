import Foundation
import Model
import Figures
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing
import WeightFiles

extension Mistake {
  /// The stages of a whole trace, in their order, with the options of a right trace and this
  /// mistake in one of them.
  ///
  /// - Parameters:
  ///   - right: a whole trace
  ///   - image: the image that it is of
  ///   - model: the model that it was made with
  /// - Throws: `Fault` if the trace is damaged, or the image cannot show the mistake.
  public func stages(
    like right: Trace, image: URL, _ model: MaskRCNNModel
  ) throws -> [any Stage] {
    try check(image)
    func asRecorded<S: Stage>(_ stage: S) throws -> S {
      try stage.withOptions(of: right.current(S.name))
    }
    var input = try asRecorded(InputStage(file: image, settings: model.settings))
    let backbone = try asRecorded(BackboneStage(model))
    var anchors = try asRecorded(AnchorsStage(model))
    var proposals = try asRecorded(ProposalsStage())
    var roi = try asRecorded(RoIStage(.torchvision))
    var heads = try asRecorded(HeadsStage(model))
    let masks = try asRecorded(MasksStage())

    switch self {
    case .halfPixel:
      if case .align(let samplingRatio, _, let maximum) = roi.roiOperator {
        roi.roiOperator = .align(samplingRatio: samplingRatio, aligned: true, maximum: maximum)
      } else {
        throw Fault(
          right.folder.relativePath, "the trace was not made with RoIAlign",
          remedy:
            "Make it again: swift run -c release maskrcnn --trace \(right.folder.relativePath)")
      }
    case .bgr:
      input.channelOrder = input.channelOrder == .rgb ? .bgr : .rgb
    case .noNormalise:
      input.mean = [0, 0, 0]
      input.standardDeviation = [1, 1, 1]
    case .wrongStride:
      var strides = try right.current(AnchorsStage.name).integers("strides")  // [L, 2]
      let level = 2  // P4
      guard strides.count > 2 * level + 1 else {
        throw Fault(
          right.folder.relativePath, "there are only \(strides.count / 2) levels",
          remedy: "Make the trace again")
      }
      for axis in [2 * level, 2 * level + 1] { strides[axis] = max(strides[axis] / 2, 1) }
      anchors.strides = strides
    case .swappedXY:
      proposals.settings.deltaOrder =
        proposals.settings.deltaOrder == .xFirst ? .yFirst : .xFirst
    case .unloadedHead:
      heads.maskHead = try model.withRandomMaskHead().maskHead
      heads.weights = WeightSource(
        name: heads.weights.name + ", mask head random", checksum: nil)
    }
    return [input, backbone, anchors, proposals, roi, heads, masks]
  }
}

extension Mistake {
  /// Refuses an image that cannot show the mistake.
  ///
  /// - Throws: `Fault` if red and blue are to be exchanged in a grey image.
  public func check(_ image: URL) throws {
    guard try self == .bgr && !hasColours(image) else { return }
    throw Fault(
      image.relativePath,
      "the image is grey: red and blue are equal, and exchanging them does nothing",
      remedy: "Give an image with colours")
  }
}

/// Whether some pixel of an image is not grey.
///
/// - Throws: `Fault` if it cannot be read.
public func hasColours(_ image: URL) throws -> Bool {
  let pixels = try readImage(image).pixels  // [3, H, W]
  let plane = pixels.count / 3
  let (red, green) = (pixels.values[..<plane], pixels.values[plane..<2 * plane])
  return red != green || green != pixels.values[(2 * plane)...]
}

extension MaskRCNNModel {
  /// The model as it is when its file's `roi_heads.mask_…` parameters are not loaded but drawn at
  /// random, with a fixed seed. The mask head and not the box head: boxes and scores stay right, so
  /// that nothing but a look at the masks shows that something is wrong.
  ///
  /// - Throws: `Fault` if the weight file cannot be read again.
  func withRandomMaskHead() throws -> MaskRCNNModel {
    let file = try WeightFile.read(URL(fileURLWithPath: source))
    let names = Set(file.tensors.keys)
    var tensors = file.tensors
    for (name, tensor) in file.tensors where name.contains("roi_heads.mask_") {
      let (low, high) = SeededWeights.bounds(
        ParameterShape(name, tensor.shape.extents), in: names)
      tensors[name] = Tensor(
        tensor.shape,
        SeededWeights.values(name, count: tensor.count, seed: 1, low: low, high: high))
    }
    return try MaskRCNNModel(
      weights: WeightFile(name: source, tensors: tensors, metadata: file.metadata))
  }
}
