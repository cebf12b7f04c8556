// What batch norms use once training is over. Ioffe and Szegedy 2015, section 3.1.

import Model
import Tensors

/// Moves the running mean and variance of every trained norm towards the batch's:
///
///     r <- (1 - m) r + m b
///
/// with the batch's mean and its unbiased variance (divided by n - 1), as torch does; m is 0.1
/// there.
///
/// A part that had no input in this batch, as the mask head without positive RoIs, has statistics
/// of 0 in `batch`, which no input gives: its variance would not be over 0. It is left as it is.
///
/// - Parameter batch: the gradients of the step, which hold the batch's statistics
public func followStatistics(
  _ parameters: inout MaskRCNNParameters, _ batch: MaskRCNNParameters, momentum: Float,
  trained: TrainedParameters
) {
  let hasMasks = batch.maskHead.hasStatistics
  let hasBoxes = batch.boxHead.hasStatistics
  let (maskHead, boxHead) = (parameters.maskHead, parameters.boxHead)
  parameters.update(with: batch) { slot, r, b in
    guard trained.follows(slot) else { return nil }
    return combined(r, b, b) { r, b, _ in (1 - momentum) * r + momentum * b }
  }
  if !hasMasks { parameters.maskHead = maskHead }
  if !hasBoxes { parameters.boxHead = boxHead }
}

extension ParameterTree {
  /// Whether some statistic is not 0.
  fileprivate var hasStatistics: Bool {
    parameters.contains { !$0.slot.kind.isLearned && $0.value.values.contains { $0 != 0 } }
  }
}
