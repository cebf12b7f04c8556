import Figures
import Foundation
import Inference
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Stage7Targets
import Stage8Losses
import Tensors
import Tracing
import WeightFiles

extension Mistake {
  /// The stages of a whole trace, in their order, with the options of a right trace and this
  /// mistake in one of them: those of inference, and for a mistake in learning targets and losses.
  ///
  /// - Parameters:
  ///   - right: a whole trace
  ///   - image: the image that it is of
  ///   - model: the model that it was made with
  ///   - truth: gives the objects in the image; called for mistakes in learning alone
  /// - Throws: `Fault` if the trace is damaged, or the image cannot show the mistake.
  public func stages(
    like right: Trace, image: URL, _ model: MaskRCNNModel, truth: () throws -> LabelledImage
  ) throws -> [any Stage] {
    try check(image)
    var stages = try InferenceStages(model, image: image).withOptions(of: right.current)

    switch self {
    case .halfPixel:
      if case .align(let samplingRatio, _, let maximum) = stages.roi.options.roiOperator {
        stages.roi.options.roiOperator = .align(
          samplingRatio: samplingRatio, aligned: true, maximum: maximum)
      } else {
        throw Fault(
          right.folder.relativePath, "the trace was not made with RoIAlign",
          remedy:
            "Make it again: swift run -c release maskrcnn --trace \(right.folder.relativePath)")
      }
    case .bgr:
      stages.input.options.channelOrder = stages.input.options.channelOrder == .rgb ? .bgr : .rgb
    case .noNormalise:
      stages.input.options.mean = [0, 0, 0]
      stages.input.options.standardDeviation = [1, 1, 1]
    case .wrongStride:
      var strides = try right.current(AnchorsStage.name).integers("strides")  // [L, 2]
      let levels = try right.current(AnchorsStage.name).levels("anchors.P")
      guard let level = levels.firstIndex(of: 4), strides.count > 2 * level + 1 else {
        throw Fault(
          right.folder.relativePath, "there is no level P4 among \(levels)",
          remedy: "Use a network with P4")
      }
      for axis in [2 * level, 2 * level + 1] { strides[axis] = max(strides[axis] / 2, 1) }
      stages.anchors.options.strides = strides
    case .swappedXY:
      stages.proposals.options.deltaOrder =
        stages.proposals.options.deltaOrder == .xFirst ? .yFirst : .xFirst
    case .unloadedHead:
      stages.heads.maskHead = try model.withRandomMaskHead().maskHead
      stages.heads.weights = WeightSource(
        name: stages.heads.weights.name + ", mask head random", checksum: nil)
    case .unweightedDeltas, .allClassesMask:
      return try stages.all + learningStages(like: right, model, truth: truth())
    }
    return stages.all
  }

  /// Targets and losses with the options of a right trace and this mistake.
  private func learningStages(
    like right: Trace, _ model: MaskRCNNModel, truth: LabelledImage
  ) throws -> [any Stage] {
    var targets = try TargetsStage(truth, classNames: model.settings.classNames)
      .withOptions(of: right.current(TargetsStage.name))
    var losses = try LossesStage(model).withOptions(of: right.current(LossesStage.name))
    switch self {
    case .unweightedDeltas: targets.options.weighsDeltas = false
    default: losses.options.maskClasses = .all
    }
    return [targets, losses]
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
