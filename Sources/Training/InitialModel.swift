// The network that training begins with.

import Model
import Scenes
import Tensors
import WeightFiles

/// What the heads of a small network read.
public enum SmallNetworkLevels: String, Sendable, Codable, CaseIterable {
  /// C4 as it is: one level of stride 16.
  case stride16 = "stride-16"
  /// C5 as it is: one level of stride 32.
  case stride32 = "stride-32"
  /// P2 … P6.
  case pyramid

  /// Blocks and channels of the trunk's layers, outputs of the box head's layers, and channels of
  /// the mask head's convolutions: as many as keep a file of 16 bits below 1 MB.
  fileprivate var sizes: (blocks: [Int], widths: [Int], box: [Int], mask: [Int]) {
    switch self {
    case .stride16: ([1, 2, 2], [16, 32, 64], [72, 64], [32, 32])
    case .stride32: ([1, 2, 2, 1], [16, 32, 64, 64], [96, 64], [32, 32])
    case .pyramid: ([1, 1, 1, 1], [16, 32, 64, 96], [96, 64], [32, 32, 32])
    }
  }
}

extension MaskRCNNModel {
  /// The network that `maskrcnn train` trains from the start where no weights are named: a thin
  /// ResNet of one block per layer, small enough to learn the shapes scene on a processor.
  ///
  /// - Parameters:
  ///   - levels: what the heads read
  ///   - hasFullyConnectedMasks: whether the mask head is of fully connected layers
  ///   - settings: class names among them, background first
  ///   - overrides: settings that hold instead, by key
  /// - Throws: `Fault` that names a setting that is wrong
  public static func small(
    _ levels: SmallNetworkLevels = .pyramid, hasFullyConnectedMasks: Bool = false,
    settings: ModelSettings,
    overrides: [String: String] = [:], seed: UInt64
  ) throws -> MaskRCNNModel {
    let epsilon: Float = 1e-5
    let sizes = levels.sizes
    let layout = Layout.small(
      blocks: sizes.blocks, widths: sizes.widths,
      pyramid: levels == .pyramid ? 32 : nil,
      anchors: settings.anchorSizes.levels[0].count * settings.anchorAspectRatios[0].count,
      boxLayers: sizes.box, maskConvolutions: hasFullyConnectedMasks ? [64, 64] : sizes.mask,
      fullyConnectedMaskBins: hasFullyConnectedMasks ? settings.roi.maskBins : nil,
      classes: settings.classNames.count)
    let parameters = try MaskRCNNParameters(random: layout, normEpsilon: epsilon, seed: seed)
    let model = MaskRCNNModel(
      parameters, layout, settings: settings, name: "random weights of seed \(seed)")
    return try model.rebuilt(parameters, settings: settings, overrides: overrides)
  }

  /// Settings for the shapes scene: twice as large, so that the smallest shapes have several cells
  /// of P2.
  public static var shapesSettings: ModelSettings {
    var settings = ModelSettings()
    settings.resize = .factor(2)
    settings.anchorSizes = [24, 48, 96, 192, 384]
    settings.classNames = SceneClass.names
    return settings
  }

  /// The network for other classes: the last layers of both heads are new, everything else stays.
  /// Where the classes are the same, nothing changes.
  ///
  /// - Parameter seed: draws the new layers
  public func forClasses(
    _ names: [String], categoryIDs: [Int], overrides: [String: String], seed: UInt64
  ) throws -> MaskRCNNModel {
    var settings = settings
    let isSame = settings.classNames == names
    (settings.classNames, settings.categoryIDs) = (names, categoryIDs)
    return try rebuilt(
      isSame ? parameters : parameters.withClasses(names.count, seed: seed), settings: settings,
      overrides: overrides)
  }

  /// A model of other parameters and settings, checked as if both had been read from a file.
  private func rebuilt(
    _ parameters: MaskRCNNParameters, settings: ModelSettings, overrides: [String: String]
  ) throws -> MaskRCNNModel {
    let pairs = parameters.parameters.map { ($0.slot.name, $0.value) }
    return try MaskRCNNModel(
      weights: WeightFile(
        name: source, tensors: Dictionary(uniqueKeysWithValues: pairs),
        metadata: settings.metadata(normEpsilon: normEpsilon)),
      overrides: overrides)
  }
}
