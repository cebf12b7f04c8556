// Stage 8, the loss of a yes or no: objectness and mask pixels.

import Foundation
import Tensors

/// Sigmoid cross-entropy of logits, element by element. With the probability p = 1 / (1 + exp(-x))
/// of "yes" and the target t in 0 … 1,
///
///     L = -t log p - (1 - t) log(1 - p) = max(x, 0) - x t + log(1 + exp(-|x|))
///
/// The second form has no exp of a large number and no log of 0, whatever x is.
///
/// - Parameters:
///   - logits: x, of any shape
///   - targets: t, of the same shape
/// - Returns: L of each element, of the same shape
public func binaryCrossEntropy(_ logits: Tensor, targets: Tensor) -> Tensor {
  precondition(logits.shape == targets.shape, "every logit has a target")
  let elements = zip(logits.values, targets.values).map { x, t in
    max(x, 0) - x * t + log1p(exp(-abs(x)))
  }
  return Tensor(logits.shape, elements)
}
