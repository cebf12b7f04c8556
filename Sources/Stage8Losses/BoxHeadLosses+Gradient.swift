import Stage7Targets
import Tensors

/// The gradients of `boxHeadLosses`: of its class loss by the logits, of its box loss by the
/// deltas. Deltas of negative RoIs, and of other classes than the RoI's own, have a gradient of 0.
///
/// Parameters as in `boxHeadLosses`.
///
/// - Returns: `[R, K]` and `[R, 4 K]`
public func boxHeadLossGradients(
  classLogits: Tensor, deltas: Tensor, targets: [RoITargets]
) -> (classLogits: Tensor, deltas: Tensor) {
  let sample = BoxHeadSample(classLogits: classLogits, deltas: deltas, targets: targets)
  let divisor = Float(sample.labels.count)
  let byLogits = softmaxCrossEntropyGradient(classLogits, labels: sample.labels)
    .map { $0 / divisor }  // [R, K]
  var byDeltas = Tensor(deltas.shape, repeating: 0)  // [R, 4 K]
  let slopes = smoothL1Gradient(
    sample.deltas(deltas), targets: sample.deltaTargets, beta: torchvisionSmoothL1Beta)  // [P, 4]
  for (number, offset) in sample.offsets.enumerated() {
    for coordinate in 0..<4 {
      byDeltas.values[offset + coordinate] = slopes.values[4 * number + coordinate] / divisor
    }
  }
  return (byLogits, byDeltas)
}
