// Stage 8, the loss of a distance: box deltas. Girshick 2015 (Fast R-CNN), equation 3, with the
// transition from square to straight at beta rather than at 1.

import Tensors

/// Where torchvision's smooth L1 turns from a square into a straight line: deltas less than a ninth
/// from their target.
public let torchvisionSmoothL1Beta = Float(1.0 / 9.0)

/// Smooth L1, element by element. With the difference d = x - t,
///
///     L = d^2 / (2 beta)     where |d| < beta
///         |d| - beta / 2     elsewhere
///
/// Near the target it is a square, whose gradient falls to 0; far away a straight line, so that one
/// wild delta does not outweigh all others.
///
/// - Parameters:
///   - values: x, of any shape
///   - targets: t, of the same shape
///   - beta: greater than 0
/// - Returns: L of each element, of the same shape
public func smoothL1(_ values: Tensor, targets: Tensor, beta: Float) -> Tensor {
  precondition(values.shape == targets.shape && beta > 0, "every value has a target")
  let elements = zip(values.values, targets.values).map { x, t in
    let distance = abs(x - t)
    return distance < beta ? 0.5 * distance * distance / beta : distance - 0.5 * beta
  }
  return Tensor(values.shape, elements)
}
