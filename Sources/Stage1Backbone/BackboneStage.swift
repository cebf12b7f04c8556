import Kernels
import Model
import Stage0Input
import Tensors
import Tracing

/// Stage 1 in a trace: the network's input to the feature pyramid.
public struct BackboneStage: Stage {
  /// The folder in a trace.
  public static let name = "1-backbone"
  /// What the stage computes.
  public static let title = "Feature maps of the trunk and of the feature pyramid."

  /// The parameters.
  public var backbone: Backbone
  /// Where the parameters come from, for the record.
  public var weights: WeightSource
  /// What is kept.
  public var options: BackboneOptions

  /// Makes the stage with a model's backbone.
  public init(_ model: MaskRCNNModel, _ options: BackboneOptions = .torchvision) {
    backbone = model.backbone
    weights = model.weightSource
    self.options = options
  }

  /// The image.
  public static let inputs = [StageInput(InputStage.name, "padded")]

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    var facts = weights.recordedFacts
    facts["receptiveFields"] = .numbers(backbone.receptiveFields.map(Double.init))
    // The one in force: a weight file does not always determine it.
    facts["normEpsilon"] = backbone.stem.norm?.epsilon.optionValue
    return facts
  }

  /// Reads 0-input; writes `stem`, `pooled`, C2 … C5 and P2 … P6.
  public func run(_ folder: StageWriter) throws {
    let source = try folder.read("0-input")
    let size = try InputSizes(source).padded
    let input = try source.tensor("padded")  // [1, 3, H, W]
    let expected: Shape = [1, backbone.stem.weight.shape[1], size.height, size.width]
    guard input.shape == expected else {
      throw Fault(
        source.folder.path, "the input has shape \(input.shape), the trunk reads \(expected)",
        remedy: "Run the stage input again")
    }
    let trunk = trunkFeatures(
      input, backbone, keepsBlocks: options.keepsBlocks, report: folder.report)
    func add(_ name: String, _ tensor: Tensor, _ note: String) throws {
      try folder.add(
        name, tensor, axes: ["N", "C", "H", "W"], units: "activation", note: note)
    }
    try add("stem", trunk.stem, "after the first convolution, norm and ReLU")
    try add("pooled", trunk.pooled, "after the max pool")
    for block in trunk.blocks { try add(block.name, block.features, "after a residual block") }
    for (index, features) in trunk.levels.enumerated() {
      try add("C\(index + 2)", features, "after layer \(index + 1) of the trunk")
    }
    folder.report("pyramid")
    let pyramid = featurePyramid(trunk.levels, backbone)
    guard pyramid.allSatisfy(\.isFinite) else {
      throw Fault(
        weights.name, "with these weights the features of this image are not finite numbers",
        remedy: "Check the weights, and the epsilon of their norms, with maskrcnn inspect")
    }

    let names = backbone.levels.map { "P\($0)" }
    let note =
      backbone.inner.isEmpty
      ? "the only level: the trunk's last one as it is" : "level of the feature pyramid"
    for (name, features) in zip(names, pyramid) { try add(name, features, note) }
    guard folder.drawsFigures else { return }
    let sizes = try InputSizes(source)
    let named =
      [("stem", trunk.stem), ("pooled", trunk.pooled)]
      + trunk.levels.enumerated().map { ("C\($0.offset + 2)", $0.element) }
      + zip(names, pyramid)
    let maps = Threads.map(named.count) {
      FeatureMap(named[$0].0, named[$0].1, padded: sizes.padded, image: sizes.resized)
    }
    let levels = maps.count - pyramid.count
    try folder.add(
      BackboneDrawing(
        trunk: Array(maps[..<levels]), pyramid: Array(maps[levels...])
      ).figures)
  }
}

extension BackboneStage {
  /// The levels' shapes.
  public static func outcome(_ folder: StageFolder) -> String {
    func words(_ letter: String) -> String {
      let names = folder.levels(letter).map { "\(letter)\($0)" }
      guard let first = names.first, let last = names.last else { return "" }
      return "\(first) \(folder.shape(first))" + (names.count > 1 ? " … \(last)" : "")
    }
    return "\(words("C")), \(words("P"))"
  }
}

extension WeightSource {
  /// What the stages that compute with weights record of them.
  public var recordedFacts: [String: OptionValue] {
    var facts = ["weights": OptionValue.text(name)]
    facts["weightsChecksum"] = checksum.map { .text($0) }
    return facts
  }
}

extension StageFolder {
  /// The numbers of the levels that a stage left tensors of, in ascending order: those of `P2`,
  /// `P3`, … for the start `P`, those of `anchors.P2`, … for `anchors.P`.
  public func levels(_ start: String) -> [Int] {
    record.tensors.compactMap { tensor in
      guard tensor.name.hasPrefix(start), let number = Int(tensor.name.dropFirst(start.count)),
        (1...30).contains(number)
      else { return nil }
      return number
    }.sorted()
  }

  /// The weights that the stage recorded; nil where it computes with none, or recorded none.
  public var weights: WeightSource? {
    guard case .text(let name)? = record.options["weights"] else { return nil }
    guard case .text(let checksum)? = record.options["weightsChecksum"] else {
      return WeightSource(name: name, checksum: nil)
    }
    return WeightSource(name: name, checksum: checksum)
  }

  /// A level of the pyramid or of the trunk that stage 1 left, `[1, C, H, W]`.
  ///
  /// - Parameter input: the padded input's size; a level has no more cells than the input pixels
  /// - Throws: `Fault` if it is missing or of another shape.
  public func pyramidLevel(_ name: String, of input: ImageSize) throws -> Tensor {
    let features = try tensor(name)
    guard features.shape.rank == 4, features.shape[0] == 1, features.count > 0,
      features.shape[2] <= input.height, features.shape[3] <= input.width
    else {
      throw Fault(
        folder.path,
        "\(name) has shape \(features.shape), expected [1, C, H, W] with at most \(input) cells",
        remedy: "Run the stage backbone again")
    }
    return features
  }
}
