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

/// The seven stages on one picture, in memory, without a trace: what the network itself costs.
///
/// - Parameters:
///   - picture: `[3, H0, W0]`, RGB in 0...1
///   - runs: how often each stage is run and timed
/// - Returns: a measurement per part, and the number of detections
public func stageBenchmarks(
  _ model: MaskRCNNModel, picture: Tensor, runs: Int
) -> (parts: [Timing], detections: Int) {
  var parts: [Timing] = []
  func part<Result>(
    _ name: String, operations: Double? = nil, _ body: () -> Result
  ) -> Result {
    let (measurement, result) = measure(name, runs: runs, operations: operations, body)
    parts.append(measurement)
    return result
  }

  let original = PictureSize(height: picture.shape[1], width: picture.shape[2])
  let size = model.settings.resize.size(for: original)
  let input = part("input") {
    padded(
      resizeBilinear(
        normalised(
          picture, mean: model.settings.mean,
          standardDeviation: model.settings.standardDeviation),
        rows: size.height, columns: size.width), toMultipleOf: 32)
  }  // [1, 3, Hp, Wp]
  let trunk = part("trunk") { trunkFeatures(input, model.backbone) }
  let pyramid = part("pyramid") { featurePyramid(trunk.levels, model.backbone) }
  let candidates = part("anchors and their head") {
    pyramid.enumerated().map { level, features in
      let prediction = rpnPrediction(features, model.rpnHead)
      let (rows, columns) = (features.shape[2], features.shape[3])
      let base = baseAnchors(
        size: model.settings.anchorSizes[level],
        aspectRatios: model.settings.anchorAspectRatios)
      let anchors = gridAnchors(
        base: base, rows: rows, columns: columns, rowStride: input.shape[2] / rows,
        columnStride: input.shape[3] / columns)
      return LevelCandidates(
        objectness: prediction.objectness, deltas: prediction.deltas, anchors: anchors)
    }
  }
  let proposed = part("proposals") {
    proposals(
      candidates, width: size.width, height: size.height, ProposalsStage().settings)
  }
  let boxes = proposed.boxes
  let levels = Array(pyramid.prefix(RoIStage.levels.count))
  let strides = levels.map { input.shape[2] / $0.shape[2] }
  func features(_ boxes: [Box], _ bins: BinGrid) -> Tensor {
    roiFeatures(
      levels, boxes: boxes,
      levels: boxes.map { pyramidLevel(of: $0, among: RoIStage.levelNumbers) },
      scales: strides.map { 1 / Float($0) },
      bins: bins, operator: .torchvision)
  }
  let roi = part("RoIAlign of \(boxes.count) proposals") { features(boxes, RoIStage.bins) }
  let prediction = part("box head") { boxPrediction(roi, model.boxHead) }
  let found = part("detections") {
    detections(
      scores: prediction.classScores,
      refined: refinedBoxes(
        boxes, deltas: prediction.deltas, width: size.width, height: size.height),
      HeadsStage(model).settings)
  }.all
  let maskFeatures = part("RoIAlign of \(found.count) detections") {
    features(found.map(\.box), HeadsStage.maskBins)
  }
  let logits = part("mask head") { maskLogits(maskFeatures, model.maskHead) }
  _ = part("paste") {
    let probabilities = maskProbabilities(logits, labels: found.map(\.label))
    return found.indices.map { index in
      pasteMask(
        probabilities.slice(index),
        box: found[index].box.scaled(
          x: Float(original.width) / Float(size.width),
          y: Float(original.height) / Float(size.height)),
        width: original.width, height: original.height)
    }
  }
  return (parts, found.count)
}

/// Every convolution of trunk and pyramid by itself, with its real input.
public func layerBenchmarks(_ backbone: Backbone, input: Tensor, runs: Int) -> [Timing] {
  var layers: [Timing] = []
  func run(
    _ name: String, _ convolution: Convolution, _ input: Tensor, rectified: Bool
  ) -> Tensor {
    let weight = convolution.weight
    let rows = convolvedExtent(
      input.shape[2], kernel: weight.shape[2], stride: convolution.stride,
      padding: convolution.padding)
    let columns = convolvedExtent(
      input.shape[3], kernel: weight.shape[3], stride: convolution.stride,
      padding: convolution.padding)
    let (measurement, output) = measure(
      "\(name) \(weight.shape) on \(input.shape[2]) x \(input.shape[3])", runs: runs,
      operations: 2 * Double(weight.count * rows * columns)
    ) { convolution(input, rectified: rectified) }
    layers.append(measurement)
    return output
  }
  var features = maxPool(
    run("stem", backbone.stem, input, rectified: true), kernel: 3, stride: 2, padding: 1)
  var levels: [Tensor] = []
  for layer in backbone.layers {
    for block in layer {
      var branch = features
      for (index, convolution) in block.branch.enumerated() {
        branch = run(
          "\(block.name).conv\(index + 1)", convolution, branch,
          rectified: index < block.branch.count - 1)
      }
      let shortcut =
        block.shortcut.map { run("\(block.name).shortcut", $0, features, rectified: false) }
        ?? features
      features = sum(branch, shortcut, rectified: true)
    }
    levels.append(features)
  }
  for (index, level) in levels.enumerated() {
    let merged = run("inner \(index + 2)", backbone.inner[index], level, rectified: false)
    _ = run("outer \(index + 2)", backbone.outer[index], merged, rectified: false)
  }
  return layers
}
