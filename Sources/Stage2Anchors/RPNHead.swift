// Stage 2, the head of the region proposal network. Paper: section 3.1; Ren et al. 2015, section
// 3.1: a small network slid over the feature map.
//
// In: P2 ... P6, [N, F, H, W].  Out: per level, for each of the A anchors of each cell, a logit
// (is there an object?) [N, A, H, W] and four deltas (where exactly?) [N, 4 A, H, W].
// N images, F channels, H W rows and columns of a level.

import Model
import Tensors

/// What the head predicts for one level.
public struct RPNPrediction: Sendable {
  /// `[N, A, H, W]`: the logit that the anchor holds an object.
  public var objectness: Tensor
  /// `[N, 4 A, H, W]`: channel `4 a + c` is coordinate c (dx, dy, dw, dh) of anchor a.
  public var deltas: Tensor

  /// Makes a prediction of its parts.
  public init(objectness: Tensor, deltas: Tensor) {
    self.objectness = objectness
    self.deltas = deltas
  }
}

/// Runs the head on one level. The weights are the same on every level.
///
/// - Parameter features: `[N, F, H, W]`
public func rpnPrediction(_ features: Tensor, _ head: RPNHead) -> RPNPrediction {
  var hidden = features
  for convolution in head.convolutions {
    hidden = convolution(hidden, rectified: true)  // [N, F, H, W]
  }
  return RPNPrediction(
    objectness: head.objectness(hidden, rectified: false),  // [N, A, H, W]
    deltas: head.deltas(hidden, rectified: false))  // [N, 4 A, H, W]
}
