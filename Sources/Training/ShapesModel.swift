import Model
import Scenes
import Tensors

extension MaskRCNNModel {
  /// The network that `maskrcnn train` trains from the start where no weights are named: small enough
  /// to learn the shapes scene in some minutes on a processor.
  ///
  /// - Parameters:
  ///   - classNames: background first
  ///   - categoryIDs: as in `ModelSettings`
  public static func small(
    classNames: [String], categoryIDs: [Int], settings: ModelSettings, seed: UInt64
  ) throws(Fault) -> MaskRCNNModel {
    let layout = Layout.small(
      blocks: [1, 1, 1, 1], widths: [16, 32, 64, 96], pyramid: 32,
      anchors: settings.anchorAspectRatios.count, boxLayers: [64, 64], maskConvolutions: 3,
      classes: classNames.count)
    var settings = settings
    (settings.classNames, settings.categoryIDs) = (classNames, categoryIDs)
    return MaskRCNNModel(
      try MaskRCNNParameters(random: layout, normEpsilon: 1e-5, seed: seed), layout,
      settings: settings, name: "random weights of seed \(seed)")
  }

  /// Settings for the shapes scene: twice as large, so that the smallest shapes have several cells of
  /// P2.
  public static var shapesSettings: ModelSettings {
    var settings = ModelSettings()
    settings.resize = .factor(2)
    settings.anchorSizes = [24, 48, 96, 192, 384]
    return settings
  }
}
