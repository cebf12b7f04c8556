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
    let tensors = found.tensors
    if let fault = MaskRCNNModel.otherModel(tensors, name: weights.name) { throw fault }
    let shapes = tensors.mapValues(\.shape)
    if let fault = MaskRCNNModel.unequalHeads(shapes, name: weights.name) { throw fault }
    let layout = Layout(shapes: shapes)
    if let uneven = layout.widths.first(where: { $0 % layout.groups != 0 }) {
      throw Fault(
        weights.name, "\(uneven) channels of the trunk do not divide into \(layout.groups) groups",
        remedy: "Save the whole model again")
    }
    let architecture = Architecture(layout)
    try MaskRCNNModel.compare(shapes, with: layout.slots, architecture, name: weights.name)
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
    let epsilon = normEpsilon
    parameters = try MaskRCNNParameters(layout, normEpsilon: epsilon) { (slot) throws(Fault) in
      // The shapes have been compared, so every tensor is there.
      guard let tensor = tensors[slot.name] else {
        throw Fault(slot.name, "the parameter is missing", remedy: "Save the whole model again")
      }
      guard slot.kind != .runningVariance || tensor.values.allSatisfy({ $0 + epsilon > 0 }) else {
        throw Fault(
          slot.name, "a running variance plus epsilon (\(epsilon)) is not over 0",
          remedy: "Save the weights again, or give the epsilon that they were trained with")
      }
      return tensor
    }
  }
}
