import CMathematics
import Tensors

/// The logistic function, `1 / (1 + expf(-x))`.
public func sigmoid(_ x: Float) -> Float {
  1 / (1 + expf(-x))
}

/// The logistic function of every element.
public func sigmoid(_ x: Tensor) -> Tensor {
  x.map { sigmoid($0) }
}

/// Softmax over the last axis: `exp(x[k] - m) / sum over j of exp(x[j] - m)`, m the row's maximum.
///
/// - Parameter logits: `[R, K]`
/// - Returns: `[R, K]`, every row summing to 1
public func softmax(_ logits: Tensor) -> Tensor {
  precondition(logits.shape.rank == 2, "softmax takes [R, K], not \(logits.shape)")
  let width = logits.shape[1]
  var output = logits
  for row in 0..<logits.shape[0] {
    let range = row * width..<(row + 1) * width
    let greatest = logits.values[range].max() ?? 0
    var total: Float = 0
    for i in range {
      output.values[i] = expf(logits.values[i] - greatest)
      total += output.values[i]
    }
    for i in range { output.values[i] /= total }
  }
  return output  // [R, K]
}
