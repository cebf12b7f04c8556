import Kernels
import Model
import Stage5Heads
import Stage7Targets
import Tensors

/// The gradient of `maskLoss` by the logits, with the n = P M M pixels that it is divided by:
///
///     sigmoid: dL/dx[c] = (p - t) / n, and 0 for the masks of other classes than the RoI's own
///     softmax: dL/dx[k] = (p[k] - (t if k = c) - (1 - t if k = 0)) / n
///
/// Parameters as in `maskLoss`.
///
/// - Returns: `[P, K, M, M]`
public func maskLossGradient(
  _ logits: Tensor, targets: [RoITargets], _ activation: MaskActivation
) -> Tensor {
  let own = ownMasks(logits, targets: targets)
  let divisor = Float(own.logits.count)
  let (classes, pixels) = (logits.shape[1], logits.shape[2] * logits.shape[3])
  var gradient = Tensor(logits.shape, repeating: 0)  // [P, K, M, M]
  switch activation {
  case .sigmoid:
    let slopes = binaryCrossEntropyGradient(own.logits, targets: own.targets)  // [P, M, M]
    for (roi, offset) in own.offsets.enumerated() {
      for pixel in 0..<pixels {
        gradient.values[offset + pixel] = slopes.values[roi * pixels + pixel] / divisor
      }
    }
  case .softmax:
    for (roi, offset) in own.offsets.enumerated() {
      let first = roi * classes * pixels
      let probabilities = softmax(logitsOfCells(logits, roi: roi))  // [M M, K]
      for pixel in 0..<pixels {
        for k in 0..<classes {
          gradient.values[first + k * pixels + pixel] = probabilities[pixel, k] / divisor
        }
        let target = own.targets.values[roi * pixels + pixel]
        gradient.values[offset + pixel] -= target / divisor
        gradient.values[first + pixel] -= (1 - target) / divisor
      }
    }
  }
  return gradient
}
