// What is trained in the ablation: small networks that differ in one thing. Paper: section 4.2,
// "Ablation Experiments", tables 2b to 2e.

import Model
import Stage4RoI
import Tensors
import Training

/// One network of the ablation: what its heads read, in what it differs from the others, and the
/// seed of its weights, images and samples. Two cases that differ in the operator or in the masks'
/// activation alone begin with the same weights and see the same batches.
public struct AblationCase: Hashable, Sendable {
  /// What the heads read.
  public var levels: SmallNetworkLevels
  /// In what it differs.
  public var variant: AblationVariant
  /// Where all chance begins.
  public var seed: UInt64

  /// Makes a case.
  public init(_ levels: SmallNetworkLevels, _ variant: AblationVariant, seed: UInt64) {
    (self.levels, self.variant, self.seed) = (levels, variant, seed)
  }

  /// `stride-16-align-average-seed-1`, the name of its folder.
  public var name: String { "\(levels.rawValue)-\(variant.rawValue)-seed-\(seed)" }

  /// Every variant on the levels where it is compared, for one seed after another.
  public static func all(
    _ levels: [SmallNetworkLevels] = SmallNetworkLevels.allCases,
    _ variants: [AblationVariant] = AblationVariant.allCases, seeds: [UInt64]
  ) -> [AblationCase] {
    seeds.flatMap { seed in
      levels.flatMap { level in
        variants.filter { $0.levels.contains(level) }.map { AblationCase(level, $0, seed: seed) }
      }
    }
  }
}

/// What is compared: operators, with the two ways in which RoIAlign reduces its samples, and for
/// the last of them, which is Mask R-CNN as it is, other masks.
public enum AblationVariant: String, Sendable, CaseIterable {
  /// Maximum over rounded bins.
  case pool
  /// Corners rounded, average of bilinear samples.
  case warp
  /// Nothing rounded, the greatest bilinear sample.
  case alignMaximum = "align-maximum"
  /// Nothing rounded, average of bilinear samples.
  case alignAverage = "align-average"
  /// RoIAlign, average, and masks of classes that compete for every pixel.
  case softmaxMasks = "softmax-masks"
  /// RoIAlign, average, and a mask head of fully connected layers.
  case mlpMaskHead = "mlp-mask-head"

  /// `RoIPool`, `RoIWarp`, `RoIAlign, maximum`, …
  public var words: String {
    switch self {
    case .pool: "RoIPool"
    case .warp: "RoIWarp"
    case .alignMaximum: "RoIAlign, maximum"
    case .alignAverage: "RoIAlign, average"
    case .softmaxMasks: "softmax masks"
    case .mlpMaskHead: "MLP mask head"
    }
  }

  /// Where the paper compares it: softmax on C4 (table 2b), the MLP with a pyramid (table 2e).
  var levels: [SmallNetworkLevels] {
    switch self {
    case .softmaxMasks: [.stride16]
    case .mlpMaskHead: [.pyramid]
    default: SmallNetworkLevels.allCases
    }
  }

  /// Writes operator and activation into the settings of a model: two samples per bin along each
  /// axis, as in torchvision's models.
  func apply(to settings: inout ModelSettings) {
    settings.maskActivation = self == .softmaxMasks ? .softmax : .sigmoid
    var roi = settings.roi
    defer { settings.roi = roi }
    (roi.samplingRatio, roi.aligned) = (2, false)
    switch self {
    case .pool: roi.kind = .pool
    case .warp: (roi.kind, roi.reduction) = (.warp, .average)
    case .alignMaximum: (roi.kind, roi.reduction) = (.align, .maximum)
    case .alignAverage, .softmaxMasks, .mlpMaskHead:
      (roi.kind, roi.reduction) = (.align, .average)
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
    variant.apply(to: &settings)
    switch levels {
    case .stride16: settings.roi.levels = 4...4
    case .stride32: settings.roi.levels = 5...5
    case .pyramid: break
    }
    if levels != .pyramid {
      settings.anchorSizes = AnchorSizes([settings.anchorSizes.levels.flatMap(\.self)])
    }
    return try .small(
      levels, hasFullyConnectedMasks: variant == .mlpMaskHead, settings: settings, seed: seed)
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
