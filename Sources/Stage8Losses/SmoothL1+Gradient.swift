import Tensors

/// The gradient of `smoothL1` by its values, element by element, with d = x - t:
///
///     dL/dx = d / beta       where |d| < beta
///             sign of d      elsewhere
///
/// - Returns: of the values' shape
public func smoothL1Gradient(_ values: Tensor, targets: Tensor, beta: Float) -> Tensor {
  precondition(values.shape == targets.shape && beta > 0, "every value has a target")
  let elements = zip(values.values, targets.values).map { x, t in
    let difference = x - t
    return abs(difference) < beta ? difference / beta : difference < 0 ? -1 : 1
  }
  return Tensor(values.shape, elements)
}
