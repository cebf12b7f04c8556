// The parameters that a network begins with.

import Model
import Tensors

extension MaskRCNNParameters {
  /// Random parameters for a network that is trained from the start: weights normally distributed
  /// with deviation `sqrt(2 / I)`, I the inputs that one output sums over, so that a layer with
  /// ReLU hands on values as large as it receives (He et al. 2015, "Delving deep into rectifiers",
  /// equation 10); layers that predict with deviation 0.01, box deltas 0.001, so that the first
  /// steps find no strong opinions to unlearn (Girshick 2015, section 4.1). Biases are 0, norms
  /// neutral.
  ///
  /// The same seed gives the same parameters.
  public init(random layout: Layout, normEpsilon: Float, seed: UInt64) throws(Fault) {
    var generator = SeededGenerator(seed: seed)
    try self.init(layout, normEpsilon: normEpsilon) { slot throws(Fault) in
      switch slot.kind {
      case .weight:
        let inputs = slot.shape.count / slot.shape[0]
        return generator.normal(slot.shape, deviation: (2 / Float(inputs)).squareRoot())
      case .normScale, .runningVariance: return Tensor(slot.shape, repeating: 1)
      case .bias, .normShift, .runningMean: return Tensor(slot.shape, repeating: 0)
      }
    }
    // A transposed convolution's weight begins with the inputs, and 2x2 kernels of stride 2 do not
    // overlap: one output sums over those alone.
    let upsampling = maskHead.upsampling.weight.shape
    maskHead.upsampling.weight = generator.normal(
      upsampling, deviation: (2 / Float(upsampling[0])).squareRoot())
    rpnHead.objectness.weight = generator.normal(rpnHead.objectness.weight.shape, deviation: 0.01)
    rpnHead.deltas.weight = generator.normal(rpnHead.deltas.weight.shape, deviation: 0.01)
    drawPredictors(&generator)
  }

  /// Draws the last layers of both heads again: what predicts classes, and boxes and masks of
  /// classes.
  private mutating func drawPredictors(_ generator: inout SeededGenerator) {
    boxHead.classLogits.weight = generator.normal(
      boxHead.classLogits.weight.shape, deviation: 0.01)
    boxHead.boxDeltas.weight = generator.normal(boxHead.boxDeltas.weight.shape, deviation: 0.001)
    maskHead.logits.weight = generator.normal(maskHead.logits.weight.shape, deviation: 0.01)
  }

  /// The parameters with new last layers for other classes, as one begins to fine-tune; everything
  /// else stays. torchvision's tutorial puts a new `FastRCNNPredictor` and `MaskRCNNPredictor` in
  /// place, the latter with a new transposed convolution, which stays here.
  ///
  /// - Parameter classes: background among them
  public func withClasses(_ classes: Int, seed: UInt64) -> MaskRCNNParameters {
    var (result, generator) = (self, SeededGenerator(seed: seed))
    let features = boxHead.classLogits.weight.shape[1]
    let channels = maskHead.logits.weight.shape[1]
    result.boxHead.classLogits = Linear(
      name: boxHead.classLogits.name, weight: Tensor([classes, features], repeating: 0),
      bias: Tensor([classes], repeating: 0))
    result.boxHead.boxDeltas = Linear(
      name: boxHead.boxDeltas.name, weight: Tensor([4 * classes, features], repeating: 0),
      bias: Tensor([4 * classes], repeating: 0))
    result.maskHead.logits = Convolution(
      name: maskHead.logits.name, weight: Tensor([classes, channels, 1, 1], repeating: 0),
      bias: Tensor([classes], repeating: 0))
    result.drawPredictors(&generator)
    return result
  }
}

extension SeededGenerator {
  /// A tensor of normally distributed numbers around 0.
  mutating func normal(_ shape: Shape, deviation: Float) -> Tensor {
    Tensor(shape, (0..<shape.count).map { _ in deviation * normal() })
  }
}
