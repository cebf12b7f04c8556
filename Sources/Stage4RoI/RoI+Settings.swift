// Stage 4, the operator and the rule of levels that a model's settings give.

import Model

extension LevelAssignment {
  /// The rule that a model's settings give.
  public init(_ settings: RoISettings) {
    self.init(
      levels: settings.levels, canonicalScale: settings.canonicalScale,
      canonicalLevel: settings.canonicalLevel)
  }
}

extension RoIOperator {
  /// The operator that a model's settings give.
  public init(_ settings: RoISettings) {
    let isMaximum = settings.reduction == .maximum
    self =
      switch settings.kind {
      case .pool: .pool
      case .warp: .warp(samplingRatio: settings.samplingRatio, maximum: isMaximum)
      case .align:
        .align(
          samplingRatio: settings.samplingRatio, aligned: settings.aligned, maximum: isMaximum)
      }
  }
}
