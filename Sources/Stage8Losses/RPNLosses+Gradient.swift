import Stage7Targets
import Tensors

/// The gradients of `rpnLosses`: of its objectness loss by the logits, of its box loss by the
/// deltas. Anchors that were not sampled have a gradient of 0; so have the deltas of negative ones.
///
/// Parameters as in `rpnLosses`.
///
/// - Returns: of every level, `[N, A, H, W]` and `[N, 4 A, H, W]`
public func rpnLossGradients(
  objectness: [Tensor], deltas: [Tensor], targets: [AnchorTargets]
) -> (objectness: [Tensor], deltas: [Tensor]) {
  let sample = RPNSample(objectness: objectness, deltas: deltas, targets: targets)
  var byLogits = objectness.map { Tensor($0.shape, repeating: 0) }  // [N, A, H, W]
  var byDeltas = deltas.map { Tensor($0.shape, repeating: 0) }  // [N, 4 A, H, W]
  let divisor = Float(sample.anchors.count)
  let slopes = binaryCrossEntropyGradient(
    sample.logits(objectness), targets: sample.labels)  // [S]
  for (place, slope) in zip(sample.anchors, slopes.values) {
    byLogits[place.level].values[place.offset] = slope / divisor
  }
  let boxSlopes = smoothL1Gradient(
    sample.deltas(deltas), targets: sample.deltaTargets, beta: torchvisionSmoothL1Beta)  // [P, 4]
  let places = sample.positives.flatMap { sample.coordinates($0) }
  for (place, slope) in zip(places, boxSlopes.values) {
    byDeltas[place.level].values[place.offset] = slope / divisor
  }
  return (byLogits, byDeltas)
}
