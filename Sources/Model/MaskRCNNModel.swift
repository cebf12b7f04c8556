import Foundation
import Tensors

/// A Mask R-CNN: its parameters, sorted into the parts of the network, and its settings.
public struct MaskRCNNModel: Sendable {
  /// The weight file that the model was made from.
  public let source: String
  /// The same for a trace's record: the name without the folders, and the content's checksum.
  public let weightSource: WeightSource
  /// What the weights' shapes say of the network.
  public var architecture: Architecture
  /// What they do not say.
  public var settings: ModelSettings
  /// Where each setting comes from, by its key in the metadata.
  public let settingOrigins: [String: SettingOrigin]
  /// The epsilon of every batch norm in the model.
  public let normEpsilon: Float
  /// Why it has this value, as a sentence.
  public let normEpsilonReason: String
  /// Trunk and feature pyramid.
  public var backbone: Backbone
  /// Region proposal network.
  public var rpnHead: RPNHead
  /// Box head.
  public var boxHead: BoxHead
  /// Mask head.
  public var maskHead: MaskHead

  /// Reads a weight file and makes a model of it.
  ///
  /// - Throws: `Fault` if the file cannot be read, or is not a Mask R-CNN.
  public init(contentsOf file: URL, overrides: [String: String] = [:]) throws {
    try self.init(weights: WeightFile.read(file), overrides: overrides)
  }

  /// Makes a model of the tensors in a weight file, whose shapes say what network it is.
  ///
  /// The parameters have torchvision's names, of today or of before version 0.13; layouts v1 and v2
  /// are recognised part by part.
  ///
  /// - Parameters:
  ///   - weights: The tensors and the metadata.
  ///   - overrides: Settings that hold instead of the file's, by key: see `ModelSettings`.
  /// - Throws: `Fault` that lists missing, superfluous and misshapen parameters, or names the
  ///   setting that is wrong.
  public init(weights: WeightFile, overrides: [String: String] = [:]) throws {
    let tensors = ParameterNames.normalized(weights.tensors)
    if let fault = MaskRCNNModel.otherModel(tensors, name: weights.name) { throw fault }
    let shapes = tensors.mapValues(\.shape)
    let layout = Layout(shapes: shapes)
    if let uneven = layout.widths.first(where: { $0 % layout.groups != 0 }) {
      throw Fault(
        weights.name, "\(uneven) channels of the trunk do not divide into \(layout.groups) groups",
        remedy: "Save the whole model again")
    }
    let architecture = Architecture(layout)
    let parameters = layout.parameters
    try MaskRCNNModel.compare(shapes, with: parameters, architecture, name: weights.name)
    var reader = SettingsReader(weights: weights, overrides: overrides)
    settings = try reader.settings(for: architecture)
    let isFrozen = !weights.tensors.keys.contains(where: ParameterNames.isCounter)
    (normEpsilon, normEpsilonReason) = try reader.normEpsilon(layout, isFrozen: isFrozen)
    settingOrigins = reader.origins
    source = weights.name
    weightSource = WeightSource(
      name: URL(filePath: weights.name).lastPathComponent, checksum: weights.checksum)
    self.architecture = architecture
    let builder = ModelBuilder(tensors: tensors, layout: layout, epsilon: normEpsilon)
    backbone = try builder.backbone()
    rpnHead = try builder.rpnHead()
    boxHead = try builder.boxHead()
    maskHead = try builder.maskHead()
  }

  /// Other things that people have in `.pth` files, told by their names.
  private static func otherModel(_ tensors: [String: Tensor], name: String) -> Fault? {
    func has(_ prefix: String) -> Bool { tensors.keys.contains { $0.hasPrefix(prefix) } }
    let remedy = "Give the weights of a Mask R-CNN with torchvision's parameter names"
    if tensors.isEmpty { return Fault(name, "there are no tensors in the file", remedy: remedy) }
    if has("backbone.bottom_up.") {
      return Fault(name, "the parameters have detectron2's names", remedy: remedy)
    }
    if has("layer1.0.") || has("body.layer1.0.") {
      return Fault(
        name, "this is a backbone alone, not a whole Mask R-CNN", remedy: remedy)
    }
    guard has("backbone.body.") else {
      let first = tensors.keys.sorted().prefix(4).joined(separator: ", ")
      return Fault(name, "this is no Mask R-CNN; its tensors are called \(first)", remedy: remedy)
    }
    if has("roi_heads.keypoint_") {
      return Fault(name, "this is a Keypoint R-CNN, it makes no masks", remedy: remedy)
    }
    if !has("roi_heads.mask_") {
      return Fault(name, "there is no mask head: this is a Faster R-CNN", remedy: remedy)
    }
    return nil
  }

  /// Compares what is there with what such a network has.
  private static func compare(
    _ shapes: [String: Shape], with parameters: [ParameterShape], _ architecture: Architecture,
    name: String
  ) throws {
    let wanted = Set(parameters.map(\.name))
    var missing: [String] = []
    var misshapen: [String] = []
    for parameter in parameters {
      let expected = "[\(parameter.shape.map(String.init).joined(separator: ", "))]"
      guard let shape = shapes[parameter.name] else {
        missing.append("\(parameter.name) \(expected)")
        continue
      }
      if shape.extents != parameter.shape {
        misshapen.append("\(parameter.name) is \(shape) instead of \(expected)")
      }
    }
    let extra = shapes.filter { !wanted.contains($0.key) }.map { "\($0.key) \($0.value)" }.sorted()
    let problems = [("missing", missing), ("of the wrong shape", misshapen), ("too many", extra)]
      .filter { !$0.1.isEmpty }
      .map { kind, list in
        let rest = list.count > 8 ? ", and \(list.count - 8) more" : ""
        return "\(list.count) \(kind) (\(list.prefix(8).joined(separator: ", "))\(rest))"
      }
    guard !problems.isEmpty else { return }
    throw Fault(
      name,
      "the parameters do not make a Mask R-CNN with \(architecture.trunkName) and "
        + "\(architecture.classCount) classes: \(problems.joined(separator: "; "))",
      remedy: "Save the whole model's state_dict() again")
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
