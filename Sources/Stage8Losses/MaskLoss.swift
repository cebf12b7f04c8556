// Stage 8, the mask head's loss. Paper: section 3, "L_mask": the average binary cross-entropy of
// the true class's mask alone, so that classes do not compete for pixels. torchvision:
// models/detection/roi_heads.py, `maskrcnn_loss`. With softmax, the loss that lets them compete:
// table 2b.
//
// In: what the mask head drew in the positive RoIs, and their targets.
// P positive RoIs of all images together, K classes, M rows and columns of a mask.

import Model
import Stage5Heads
import Stage7Targets
import Tensors

/// The mask head's loss over a batch, with the logits x of a pixel, its target t in 0 … 1 and the
/// RoI's true class c:
///
///     sigmoid: L = -t log p - (1 - t) log(1 - p),        p = 1 / (1 + exp(-x[c]))
///     softmax: L = -t log p[c] - (1 - t) log p[0],       p = softmax(x),  0 the background
///
/// With sigmoid, the masks of other classes cost nothing; with softmax, they are pushed down.
///
/// - Parameters:
///   - logits: `[P, K, M, M]`, image after image, in the order of `RoITargets.positives`
///   - targets: of each image
///   - activation: how the logits become probabilities
/// - Returns: elements `[P, M, M]`, divided by P M M; 0 without positive RoIs
public func maskLoss(
  _ logits: Tensor, targets: [RoITargets], _ activation: MaskActivation
) -> Loss {
  let own = ownMasks(logits, targets: targets)
  let elements =
    switch activation {
    case .sigmoid: binaryCrossEntropy(own.logits, targets: own.targets)
    case .softmax: softmaxMaskElements(logits, targets: targets, own)
    }
  return Loss(elements: elements, divisor: elements.count)
}

/// The loss of every pixel where the classes compete for it:
///
///     L = log(sum over k of exp(x[k])) - t x[c] - (1 - t) x[0]
///
/// which is the cross-entropy of the softmax, the background's label where t is 0.
///
/// - Parameter own: of `ownMasks`
/// - Returns: `[P, M, M]`
private func softmaxMaskElements(
  _ logits: Tensor, targets: [RoITargets], _ own: (logits: Tensor, targets: Tensor, offsets: [Int])
) -> Tensor {
  let pixels = logits.shape[2] * logits.shape[3]
  var elements = own.targets  // [P, M, M]
  for roi in 0..<logits.shape[0] {
    let cells = logitsOfCells(logits, roi: roi)  // [M M, K]
    let asBackground = softmaxCrossEntropy(cells, labels: [Int](repeating: 0, count: pixels))
    for pixel in 0..<pixels {
      let place = roi * pixels + pixel
      // The cross-entropy for t = 0; a pixel of the object trades x[0] for x[c].
      elements.values[place] =
        asBackground.values[pixel]
        + own.targets.values[place] * (cells[pixel, 0] - own.logits.values[place])
    }
  }
  return elements
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
