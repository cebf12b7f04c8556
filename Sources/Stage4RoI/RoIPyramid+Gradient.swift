// Stage 4, the gradient of all levels that RoIs are read from.

import Tensors

extension RoIPyramid {
  /// The gradient of every level, `[N, C, H / s, W / s]`, of features that were read with
  /// `features`.
  ///
  /// - Parameter gradient: dL/dfeatures, `[R, C, Y, X]`
  public func featuresGradient(
    _ gradient: Tensor, _ rois: [RoI], operator roiOperator: RoIOperator
  ) -> [Tensor] {
    roiFeaturesGradient(
      gradient, pyramid: levels, boxes: rois.map { $0.box }, images: rois.map { $0.image },
      levels: rois.map { level(of: $0.box) - numbers.lowerBound },
      scales: strides.map { 1 / Float($0) }, operator: roiOperator)
  }
}
