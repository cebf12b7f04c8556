// Stage 5, the mask head. Paper: section 3, "Mask Representation" and "Network Architecture",
// figure 4 right.
//
// In: the features of each detection, [D, C, 14, 14].  Out: one mask of logits per class,
// [D, K, 28, 28]. A mask is predicted for every class, and the class score chooses one: masks of
// different classes do not compete (paper, table 2b).

import Kernels
import Model
import Stage4RoI
import Tensors

extension RoISettings {
  /// Rows and columns of a mask: the upsampling doubles the bins.
  public var maskSide: Int { 2 * maskBins }
}

/// Runs the mask head.
///
/// - Parameter features: `[D, C, Y, X]`
/// - Returns: `[D, K, 2 Y, 2 X]` logits
public func maskLogits(_ features: Tensor, _ head: MaskHead) -> Tensor {
  var hidden = features
  for convolution in head.convolutions {
    hidden = convolution(hidden, rectified: true)  // [D, C, Y, X]
  }
  return head.logits(head.upsampled(hidden), rectified: false)  // [D, K, 2 Y, 2 X]
}

extension MaskHead {
  /// Doubles rows and columns, and a ReLU: `[D, C, Y, X]` to `[D, U, 2 Y, 2 X]`, U channels of the
  /// upsampling.
  func upsampled(_ hidden: Tensor) -> Tensor {
    transposedConvolution(
      hidden, weight: upsampling.packed, finish: upsampling.finish(rectified: true))
  }
}

/// The sigmoid of each detection's own class's logits.
///
/// - Parameters:
///   - logits: `[D, K, M, M]`
///   - labels: D classes
/// - Returns: `[D, M, M]`, each cell the probability that it belongs to the object
public func maskProbabilities(_ logits: Tensor, labels: [Int]) -> Tensor {
  let (classes, rows, columns) = (logits.shape[1], logits.shape[2], logits.shape[3])
  var probabilities: [Float] = []
  probabilities.reserveCapacity(labels.count * rows * columns)
  for (detection, label) in labels.enumerated() {
    let first = (detection * classes + label) * rows * columns
    probabilities += logits.values[first..<first + rows * columns].map { sigmoid($0) }
  }
  return Tensor([labels.count, rows, columns], probabilities)
}
