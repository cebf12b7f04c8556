// What is trained in the ablation: small networks that differ in one thing. Paper: section 4.2,
// "Ablation Experiments", tables 2c and 2d.

import Model
import Stage4RoI
import Tensors
import Training

/// One network of the ablation: what its heads read, through which operator, and the seed of its
/// weights, images and samples. Two cases that differ in the operator alone begin with the same
/// weights and see the same batches.
public struct AblationCase: Hashable, Sendable {
  /// What the heads read.
  public var levels: SmallNetworkLevels
  /// How they read it.
  public var variant: OperatorVariant
  /// Where all chance begins.
  public var seed: UInt64

  /// Makes a case.
  public init(_ levels: SmallNetworkLevels, _ variant: OperatorVariant, seed: UInt64) {
    (self.levels, self.variant, self.seed) = (levels, variant, seed)
  }

  /// `stride-16-align-average-seed-1`, the name of its folder.
  public var name: String { "\(levels.rawValue)-\(variant.rawValue)-seed-\(seed)" }

  /// Every operator on every choice of levels, for one seed after another.
  public static func all(
    _ levels: [SmallNetworkLevels] = SmallNetworkLevels.allCases,
    _ variants: [OperatorVariant] = OperatorVariant.allCases, seeds: [UInt64]
  ) -> [AblationCase] {
    seeds.flatMap { seed in
      levels.flatMap { level in variants.map { AblationCase(level, $0, seed: seed) } }
    }
  }
}

/// The operators that are compared, with the two ways in which RoIAlign reduces its samples.
public enum OperatorVariant: String, Sendable, CaseIterable {
  /// Maximum over rounded bins.
  case pool
  /// Corners rounded, average of bilinear samples.
  case warp
  /// Nothing rounded, the greatest bilinear sample.
  case alignMaximum = "align-maximum"
  /// Nothing rounded, average of bilinear samples.
  case alignAverage = "align-average"

  /// `RoIPool`, `RoIWarp`, `RoIAlign, maximum`, `RoIAlign, average`
  public var words: String {
    switch self {
    case .pool: "RoIPool"
    case .warp: "RoIWarp"
    case .alignMaximum: "RoIAlign, maximum"
    case .alignAverage: "RoIAlign, average"
    }
  }

  /// Writes the operator into the settings of a model: two samples per bin along each axis, as in
  /// torchvision's models.
  func apply(to roi: inout RoISettings) {
    (roi.samplingRatio, roi.aligned) = (2, false)
    switch self {
    case .pool: roi.kind = .pool
    case .warp: (roi.kind, roi.reduction) = (.warp, .average)
    case .alignMaximum: (roi.kind, roi.reduction) = (.align, .maximum)
    case .alignAverage: (roi.kind, roi.reduction) = (.align, .average)
    }
  }
}

extension AblationCase {
  /// The network before its first step.
  ///
  /// Images are enlarged twofold. Anchors of 24 to 384 input pixels, one size a level on the
  /// pyramid, all of them on a single level; heights over widths of 1/2, 1 and 2.
  ///
  /// - Parameters:
  ///   - classNames: background first
  ///   - categoryIDs: of the data set; empty where they are the classes themselves
  /// - Throws: `Fault` if the settings do not fit the network
  public func model(
    classNames: [String], categoryIDs: [Int]
  ) throws -> MaskRCNNModel {
    var settings = MaskRCNNModel.shapesSettings
    (settings.classNames, settings.categoryIDs) = (classNames, categoryIDs)
    variant.apply(to: &settings.roi)
    switch levels {
    case .stride16: settings.roi.levels = 4...4
    case .stride32: settings.roi.levels = 5...5
    case .pyramid: break
    }
    if levels != .pyramid {
      settings.anchorSizes = AnchorSizes([settings.anchorSizes.levels.flatMap(\.self)])
    }
    return try .small(levels, settings: settings, seed: seed)
  }

  /// How each network is trained: alike, whatever it reads and through whichever operator.
  public func configuration(steps: Int, crop: Int? = nil) -> TrainingConfiguration {
    var configuration = TrainingConfiguration(
      seed: seed, steps: steps, imagesPerBatch: 8,
      schedule: LearningRateSchedule(
        rate: 0.1, warmUpSteps: min(100, steps / 10), decay: .cosine(floor: 0.01)),
      norms: .batchStatistics,
      augmentation: Augmentation(crop: crop, scale: crop == nil ? 1 : 1.4, brightness: 0.2))
    (configuration.greatestNorm, configuration.averageDecay) = (10, 0.99)
    (configuration.preNMSTopN, configuration.postNMSTopN) = (500, 300)
    configuration.roisPerImage = 48
    return configuration
  }
}
