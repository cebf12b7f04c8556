// Stage 8, the loss of a choice among classes.  R RoIs, K classes.

import Foundation
import Tensors

/// Cross-entropy of the softmax of logits, row by row:
///
///     L[r] = -log p[r, label] = log(sum over k of exp(x[r, k] - m)) + m - x[r, label]
///
/// m is the row's maximum: with it no exp overflows, and the sum is at least 1.
///
/// - Parameters:
///   - logits: x, `[R, K]`
///   - labels: the class of each row, in `0..<K`
/// - Returns: `[R]`
public func softmaxCrossEntropy(_ logits: Tensor, labels: [Int]) -> Tensor {
  checkLabels(labels, of: logits)
  let classes = logits.shape[1]
  let elements = labels.enumerated().map { row, label in
    let x = logits.values[row * classes..<(row + 1) * classes]
    let greatest = x.max() ?? 0
    let total = x.reduce(Float(0)) { $0 + exp($1 - greatest) }
    return log(total) + (greatest - x[x.startIndex + label])
  }
  return Tensor([labels.count], elements)  // [R]
}

/// Holds labels against logits `[R, K]`.
func checkLabels(_ labels: [Int], of logits: Tensor) {
  precondition(
    logits.shape.rank == 2 && logits.shape[0] == labels.count
      && labels.allSatisfy { $0 >= 0 && $0 < logits.shape[1] },
    "every row of \(logits.shape) has one of its columns as label")
}
