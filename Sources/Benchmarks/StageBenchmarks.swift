import Inference
import Kernels
import Model
import Stage1Backbone
import Stage4RoI
import Stage5Heads
import Tensors

/// The parts of `model.detections(in: image)` one by one: what the network itself costs, and where.
///
/// - Parameters:
///   - image: `[3, H0, W0]`, RGB in 0...1
///   - runs: how often each stage is run and timed
/// - Returns: a measurement per part, and the number of detections
public func stageBenchmarks(
  _ model: MaskRCNNModel, image: Tensor, runs: Int
) -> (parts: [Timing], detections: Int) {
  var parts: [Timing] = []
  func part<Result>(
    _ name: String, operations: Double? = nil, _ body: () -> Result
  ) -> Result {
    let (measurement, result) = measure(name, runs: runs, operations: operations, body)
    parts.append(measurement)
    return result
  }

  let network = Network(model)
  let input = part("input") { network.input([image]) }  // [1, 3, Hp, Wp]
  let trunk = part("trunk") { trunkFeatures(input.tensor, model.backbone) }
  let levels = part("pyramid") { featurePyramid(trunk.levels, model.backbone) }
  let candidates = part("anchors and their head") {
    network.candidates(levels, input: input.padded)
  }
  let boxes = part("proposals") { network.proposedBoxes(candidates, input.sizes) }
  let pyramid = network.roiPyramid(levels, input: input.padded)
  let roi = part("RoIAlign of \(boxes[0].count) proposals") {
    network.features(pyramid, boxes, bins: network.boxBins)
  }
  let prediction = part("box head") { boxPrediction(roi, model.boxHead) }
  let found = part("detections") {
    BoxBranch(
      prediction, proposals: boxes, images: input.sizes.map(\.resized), network.detectionOptions
    ).candidates.map(\.detected)
  }
  let maskFeatures = part("RoIAlign of \(found[0].count) detections") {
    network.features(pyramid, found.map { $0.map(\.box) }, bins: network.maskBins)
  }
  let logits = part("mask head") { maskLogits(maskFeatures, model.maskHead) }
  _ = part("paste") { network.detections(found, logits: logits, input.sizes) }
  return (parts, found[0].count)
}

/// Every convolution of trunk and pyramid by itself, with what follows it: norm, shortcut, ReLU.
///
/// - Parameter input: `[1, 3, Hp, Wp]`
public func layerBenchmarks(_ backbone: Backbone, input: Tensor, runs: Int) -> [Timing] {
  var layers: [Timing] = []
  func run(
    _ name: String, _ convolution: Convolution, _ input: Tensor, adding: Tensor? = nil,
    rectified: Bool
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
    ) { convolution(input, adding: adding, rectified: rectified) }
    layers.append(measurement)
    return output
  }
  var features = maxPool(
    run("stem", backbone.stem, input, rectified: true), kernel: 3, stride: 2, padding: 1)
  var levels: [Tensor] = []
  for layer in backbone.layers {
    for block in layer {
      let shortcut =
        block.shortcut.map { run("\(block.name).shortcut", $0, features, rectified: false) }
        ?? features
      for (index, convolution) in block.branch.enumerated() {
        let isLast = index == block.branch.count - 1
        features = run(
          "\(block.name).conv\(index + 1)", convolution, features, adding: isLast ? shortcut : nil,
          rectified: true)
      }
    }
    levels.append(features)
  }
  for (index, level) in levels.enumerated() {
    let merged = run("inner \(index + 2)", backbone.inner[index], level, rectified: false)
    _ = run("outer \(index + 2)", backbone.outer[index], merged, rectified: false)
  }
  return layers
}
