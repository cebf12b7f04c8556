// Stage 5, the box head. Paper: section 3, "Network Architecture", figure 4; Girshick 2015 (Fast
// R-CNN), section 2.
//
// In: the features of each RoI, [R, C, 7, 7].  Out: per RoI, a score per class and four deltas per
// class.  R RoIs, F features, K classes with the background as class 0.

import Kernels
import Model
import Tensors

/// What the box head predicts for the RoIs.
public struct BoxPrediction: Sendable {
  /// `[R, F]`: what the two predictors see.
  public var features: Tensor
  /// `[R, K]`
  public var classLogits: Tensor
  /// `[R, K]`: softmax of the logits. Classes compete: the scores of a RoI sum to 1.
  public var classScores: Tensor
  /// `[R, 4 K]`: columns `4 k … 4 k + 3` are dx, dy, dw, dh of class k.
  public var deltas: Tensor
}

/// Runs the box head.
///
/// - Parameter features: `[R, C, Y, X]`
public func boxPrediction(_ features: Tensor, _ head: BoxHead) -> BoxPrediction {
  var maps = features
  for convolution in head.convolutions {
    maps = convolution(maps, rectified: true)  // [R, C, Y, X]
  }
  let rois = maps.shape[0]
  var hidden = maps.reshaped([rois, maps.shape.extents.dropFirst().reduce(1, *)])  // [R, C Y X]
  for layer in head.layers {
    hidden = layer(hidden, rectified: true)  // [R, F]
  }
  let logits = head.classLogits(hidden, rectified: false)  // [R, K]
  return BoxPrediction(
    features: hidden, classLogits: logits, classScores: softmax(logits),
    deltas: head.boxDeltas(hidden, rectified: false))  // [R, 4 K]
}
