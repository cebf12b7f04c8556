import Foundation
import Tensors

/// `max(a + b, 0)`, or `a + b` where `rectified` is false: the end of a residual block.
///
/// Both tensors have the same shape, and so has the result.
public func sum(_ a: Tensor, _ b: Tensor, rectified: Bool) -> Tensor {
  precondition(a.shape == b.shape, "\(a.shape) and \(b.shape) cannot be added")
  let floor: Float = rectified ? 0 : -.infinity
  return Tensor(uninitialized: a.shape) { output in
    a.values.withUnsafeBufferPointer { left in
      b.values.withUnsafeBufferPointer { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return }
        let (from, and, to) = (SharedReading(left), SharedReading(right), Shared(output))
        Threads.ranges(a.count, atLeast: 4096) { range in
          for i in range {
            let value = from.pointer[i] + and.pointer[i]
            to.pointer[i] = value < floor ? floor : value
          }
        }
      }
    }
  }
}

/// The logistic function, `1 / (1 + exp(-x))`.
public func sigmoid(_ x: Float) -> Float {
  1 / (1 + exp(-x))
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
      output.values[i] = exp(logits.values[i] - greatest)
      total += output.values[i]
    }
    for i in range { output.values[i] /= total }
  }
  return output  // [R, K]
}
