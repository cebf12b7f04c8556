import Foundation
import Tensors
import WeightFiles

// A model made of what a weight file holds.

extension MaskRCNNModel {
  /// Reads a weight file and makes a model of it.
  ///
  /// - Throws: `Fault` if the file cannot be read, or is not a Mask R-CNN.
  public init(contentsOf file: URL, overrides: [String: String] = [:]) throws {
    try self.init(weights: WeightFile.read(file), overrides: overrides)
  }

  /// Makes a model of the tensors in a weight file, whose shapes say what network it is.
  ///
  /// The parameters have torchvision's names, of today or of before version 0.13, behind whatever a
  /// wrapper puts before all of them; layouts v1 and v2 are recognised part by part.
  ///
  /// - Parameters:
  ///   - weights: The tensors and the metadata.
  ///   - overrides: Settings that hold instead of the file's, by key: see `ModelSettings`.
  /// - Throws: `Fault` that lists missing, superfluous and misshapen parameters, or names the
  ///   setting that is wrong.
  public init(weights: WeightFile, overrides: [String: String] = [:]) throws {
    let found = try FileParameters(weights.tensors, file: weights.name)
    if let fault = MaskRCNNModel.otherModel(found.tensors, name: weights.name) { throw fault }
    let layout = try found.layout(name: weights.name)
    let architecture = Architecture(layout)
    var reader = SettingsReader(weights: weights, overrides: overrides)
    settings = try reader.settings(for: architecture)
    (normEpsilon, normEpsilonReason) = try reader.normEpsilon(
      layout, isFrozen: found.isTrunkFrozen)
    settingOrigins = reader.origins
    assumptions = reader.assumptions
    (namePrefix, ignoredNames) = (found.prefix, found.ignored)
    source = weights.name
    weightSource = WeightSource(
      name: URL(filePath: weights.name).lastPathComponent, checksum: weights.checksum)
    self.architecture = architecture
    parameters = try MaskRCNNParameters(
      found, layout, normEpsilon: normEpsilon, file: weights.name)
  }
}
