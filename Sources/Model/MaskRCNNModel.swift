import Foundation
import Tensors
import WeightFiles

/// A Mask R-CNN: its parameters, sorted into the parts of the network, and its settings.
public struct MaskRCNNModel: Sendable {
  /// The weight file that the model was made from.
  public let source: String
  /// The same for a trace's record: the name without the folders, and the content's checksum.
  public let weightSource: WeightSource
  /// The network that the weights' shapes describe.
  public let architecture: Architecture
  /// What they do not say.
  public var settings: ModelSettings
  /// Where each setting comes from, by its key in the metadata.
  public let settingOrigins: [String: SettingOrigin]
  /// The epsilon of every batch norm in the model.
  public let normEpsilon: Float
  /// Why it has this value, as a sentence.
  public let normEpsilonReason: String
  /// What the file does not say and the results depend on: what was assumed, and how to say
  /// otherwise.
  public let assumptions: [Fault]
  /// What the file puts before every parameter's name, `module.`.
  public let namePrefix: String
  /// The names in the file that do not begin so, and belong to something else.
  public let ignoredNames: [String]
  /// The parameters, all of them.
  public var parameters: MaskRCNNParameters

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
          weights.name, "\(slot.name), a running variance, plus epsilon (\(epsilon)) is not over 0",
          remedy: "Save the weights again, or give the epsilon that they were trained with")
      }
      return tensor
    }
  }

  /// Makes a model that no file holds, such as one to be trained from the start.
  ///
  /// - Parameters:
  ///   - parameters: what `MaskRCNNParameters` built from `layout`
  ///   - settings: class names may be missing; otherwise there is one per class of the layout
  ///   - name: what takes a file's place in reports
  public init(
    _ parameters: MaskRCNNParameters, _ layout: Layout, settings: ModelSettings, name: String
  ) {
    self.parameters = parameters
    self.settings = settings
    if settings.classNames.isEmpty {
      self.settings.classNames = ModelSettings.standardClassNames(count: layout.classes)
    }
    precondition(self.settings.classNames.count == layout.classes, "a name per class")
    architecture = Architecture(layout)
    source = name
    weightSource = WeightSource(name: name, checksum: nil)
    (settingOrigins, assumptions) = ([:], [])
    (namePrefix, ignoredNames) = ("", [])
    if !layout.levels.contains(settings.roi.levels.lowerBound)
      || !layout.levels.contains(settings.roi.levels.upperBound)
    {
      self.settings.roi.levels = layout.roiLevels
    }
    normEpsilon = parameters.backbone.stem.norm?.epsilon ?? 0
    normEpsilonReason = "The network was made with it"
  }
}

extension MaskRCNNModel {
  /// Trunk and feature pyramid.
  public var backbone: Backbone {
    get { parameters.backbone }
    set { parameters.backbone = newValue }
  }

  /// Region proposal network.
  public var rpnHead: RPNHead {
    get { parameters.rpnHead }
    set { parameters.rpnHead = newValue }
  }

  /// Box head.
  public var boxHead: BoxHead {
    get { parameters.boxHead }
    set { parameters.boxHead = newValue }
  }

  /// Mask head.
  public var maskHead: MaskHead {
    get { parameters.maskHead }
    set { parameters.maskHead = newValue }
  }
}

/// Where a setting comes from.
public enum SettingOrigin: String, Sendable {
  /// The weight file's metadata.
  case metadata = "weight file"
  /// The person who runs the program.
  case override = "command line"
  /// torchvision's default.
  case standard = "torchvision's default"
}
