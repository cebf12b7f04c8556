import Kernels
import Tensors

/// The gradient of `softmaxCrossEntropy` by its logits, row by row:
///
///     dL[r]/dx[r, k] = p[r, k] - (1 if k is the label, else 0),  p the softmax of row r
///
/// The true class is pushed up and every other down by its probability; a row sums to 0.
///
/// - Parameters:
///   - logits: x, `[R, K]`
///   - labels: the class of each row, in `0..<K`
/// - Returns: `[R, K]`
public func softmaxCrossEntropyGradient(_ logits: Tensor, labels: [Int]) -> Tensor {
  checkLabels(labels, of: logits)
  var gradient = softmax(logits)  // [R, K]
  for (row, label) in labels.enumerated() { gradient[row, label] -= 1 }
  return gradient
}
