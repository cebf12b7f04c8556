// Stage 5, the mask head. Paper: section 3, "Mask Representation" and "Network Architecture",
// figure 4 right.
//
// In: the features of each detection, [D, C, 14, 14].  Out: one mask of logits per class,
// [D, K, 28, 28]. A mask is predicted for every class, and the class score chooses one: masks of
// different classes do not compete, unless the activation is softmax (paper, table 2b).

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
  /// upsampling; behind fully connected layers, `[D, C, 1, 1]` to the whole mask.
  func upsampled(_ hidden: Tensor) -> Tensor {
    transposedConvolution(
      hidden, weight: upsampling.packed, finish: upsampling.finish(rectified: true))
  }
}

/// The probability that a cell belongs to the object, by the logits x of the cell and the
/// detection's class c:
///
///     sigmoid: p = 1 / (1 + exp(-x[c]))
///     softmax: p = exp(x[c]) / (sum over k of exp(x[k])),  k = 0 the background
///
/// - Parameters:
///   - logits: `[D, K, M, M]`
///   - labels: D classes
///   - activation: what the network was trained with
/// - Returns: `[D, M, M]`
public func maskProbabilities(
  _ logits: Tensor, labels: [Int], _ activation: MaskActivation
) -> Tensor {
  let (classes, rows, columns) = (logits.shape[1], logits.shape[2], logits.shape[3])
  var probabilities: [Float] = []
  probabilities.reserveCapacity(labels.count * rows * columns)
  for (detection, label) in labels.enumerated() {
    switch activation {
    case .sigmoid:
      let first = (detection * classes + label) * rows * columns
      probabilities += logits.values[first..<first + rows * columns].map { sigmoid($0) }
    case .softmax:
      let cells = softmax(logitsOfCells(logits, roi: detection))  // [M M, K]
      probabilities += stride(from: label, to: cells.count, by: classes).map { cells.values[$0] }
    }
  }
  return Tensor([labels.count, rows, columns], probabilities)
}

/// A RoI's logits with the classes last, `[M M, K]` of `[R, K, M, M]`.
public func logitsOfCells(_ logits: Tensor, roi: Int) -> Tensor {
  let (classes, cells) = (logits.shape[1], logits.shape[2] * logits.shape[3])
  let first = roi * classes * cells
  var values: [Float] = []
  values.reserveCapacity(classes * cells)
  for cell in 0..<cells {
    for k in 0..<classes { values.append(logits.values[first + k * cells + cell]) }
  }
  return Tensor([cells, classes], values)
}
