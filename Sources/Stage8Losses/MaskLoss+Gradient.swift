import Stage7Targets
import Tensors

/// The gradient of `maskLoss` by the logits; 0 for the masks of other classes than the RoI's own.
///
/// Parameters as in `maskLoss`.
///
/// - Returns: `[P, K, M, M]`
public func maskLossGradient(_ logits: Tensor, targets: [RoITargets]) -> Tensor {
  let own = ownMasks(logits, targets: targets)
  let slopes = binaryCrossEntropyGradient(own.logits, targets: own.targets)  // [P, M, M]
  let divisor = Float(slopes.count)
  let pixels = logits.shape[2] * logits.shape[3]
  var gradient = Tensor(logits.shape, repeating: 0)  // [P, K, M, M]
  for (number, offset) in own.offsets.enumerated() {
    for pixel in 0..<pixels {
      gradient.values[offset + pixel] = slopes.values[number * pixels + pixel] / divisor
    }
  }
  return gradient
}
