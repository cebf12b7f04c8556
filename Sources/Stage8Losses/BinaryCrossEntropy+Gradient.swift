import Kernels
import Tensors

/// The gradient of `binaryCrossEntropy` by its logits, element by element:
///
///     dL/dx = p - t,  p = 1 / (1 + exp(-x))
///
/// How far the probability is from the target: never more than 1, however wrong the network is.
///
/// - Returns: of the logits' shape
public func binaryCrossEntropyGradient(_ logits: Tensor, targets: Tensor) -> Tensor {
  precondition(logits.shape == targets.shape, "every logit has a target")
  return Tensor(logits.shape, zip(logits.values, targets.values).map { sigmoid($0) - $1 })
}
