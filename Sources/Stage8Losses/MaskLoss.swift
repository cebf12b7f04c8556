// Stage 8, the mask head's loss. Paper: section 3, "L_mask": the average binary cross-entropy of
// the true class's mask alone, so that classes do not compete for pixels. torchvision:
// models/detection/roi_heads.py, `maskrcnn_loss`.
//
// In: what the mask head drew in the positive RoIs, and their targets.
// P positive RoIs of all images together, K classes, M rows and columns of a mask.

import Stage7Targets
import Tensors

/// The mask head's loss over a batch: binary cross-entropy of every pixel of the true class's mask.
///
/// - Parameters:
///   - logits: `[P, K, M, M]`, image after image, in the order of `RoITargets.positives`
///   - targets: of each image
/// - Returns: elements `[P, M, M]`, divided by P M M; 0 without positive RoIs
public func maskLoss(_ logits: Tensor, targets: [RoITargets]) -> Loss {
  let own = ownMasks(logits, targets: targets)
  let elements = binaryCrossEntropy(own.logits, targets: own.targets)
  return Loss(elements: elements, divisor: elements.count)
}

/// The loss that is often computed in place of `maskLoss`: over the masks of all classes, those of
/// the others with an empty target. A class's mask is then made smaller wherever the RoI is of
/// another class, and the mask head has to tell classes apart as well.
///
/// - Returns: elements `[P, K, M, M]`, divided by P K M M; 0 without positive RoIs
func maskLossOverAllClasses(_ logits: Tensor, targets: [RoITargets]) -> Loss {
  let own = ownMasks(logits, targets: targets)
  var all = Tensor(logits.shape, repeating: 0)  // [P, K, M, M]
  let pixels = own.targets.count / max(own.offsets.count, 1)
  for (place, offset) in own.offsets.enumerated() {
    for pixel in 0..<pixels {
      all.values[offset + pixel] = own.targets.values[place * pixels + pixel]
    }
  }
  let elements = binaryCrossEntropy(logits, targets: all)
  return Loss(elements: elements, divisor: elements.count)
}

/// The logits of each RoI's own class with their targets, `[P, M, M]`, and where the logits of each
/// begin.
func ownMasks(
  _ logits: Tensor, targets: [RoITargets]
) -> (logits: Tensor, targets: Tensor, offsets: [Int]) {
  let labels = targets.flatMap { $0.maskLabels }
  precondition(
    logits.shape.rank == 4 && logits.shape[0] == labels.count
      && labels.allSatisfy { $0 < logits.shape[1] },
    "every mask of \(logits.shape) has a target")
  let (rows, columns) = (logits.shape[2], logits.shape[3])
  let offsets = labels.enumerated().map { ($0 * logits.shape[1] + $1) * rows * columns }
  let shape: Shape = [labels.count, rows, columns]
  return (
    Tensor(shape, offsets.flatMap { logits.values[$0..<$0 + rows * columns] }),
    Tensor(shape, targets.flatMap { $0.masks.values }), offsets
  )
}
