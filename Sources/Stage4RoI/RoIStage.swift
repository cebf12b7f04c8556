import Figures
import Stage0Input
import Stage1Backbone
import Tensors
import Tracing

/// Stage 4 in a trace: proposals and pyramid to features of a fixed size.
public struct RoIStage: Stage {
  /// The folder in a trace.
  public static let name = "4-roi"
  /// What the stage computes.
  public static let title = "Features of every proposal, brought to a fixed grid."

  /// The levels that RoIs are read from. P6 serves the region proposal network alone.
  public static let levels = ["P2", "P3", "P4", "P5"]
  /// Their numbers.
  public static let levelNumbers = 2...5

  /// Which operator.
  public var roiOperator: RoIOperator
  /// The grid of bins that the box head reads.
  public static let bins: BinGrid = 7

  /// Makes the stage.
  public init(_ roiOperator: RoIOperator) {
    self.roiOperator = roiOperator
  }

  /// What `stage.json` records of the options.
  public static var recordedOptions: [RecordedOption<Self>] {
    [
      RecordedOption("operator", record: \.roiOperator.options) { options, stage in
        guard let recorded = RoIOperator(options: options) else { return false }
        stage.roiOperator = recorded
        return true
      }
    ]
  }

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] { ["bins": .integer(Self.bins.rows)] }

  /// Reads 0-input, 1-backbone and 3-proposals; writes `levels` and `features`.
  public func run(_ folder: StageWriter) throws {
    let source = try folder.read("3-proposals")
    let size = try InputSizes(folder.read("0-input")).resized
    let boxes = try source.boxes("proposals", inside: size)
    let pyramid = try RoIPyramid(folder)
    let levels = boxes.map { pyramidLevel(of: $0, among: Self.levelNumbers) }
    folder.report("\(roiOperator.name) of \(boxes.count) proposals")
    let features = pyramid.features(boxes, levels: levels, bins: Self.bins, operator: roiOperator)

    try folder.add(
      "levels", integers: levels, axes: ["R"], units: "level",
      note: "which level each proposal is read from, 0 for P2")
    try folder.add(
      "features", features, axes: ["R", "C", "Y", "X"], units: "activation",
      note: "what the box head reads")
    guard folder.drawsFigures else { return }
    try folder.add(
      RoIDrawing(
        backdrop: Raster(folder.read("0-input").backdrop()), proposals: boxes,
        scores: (try? source.tensor("scores").values) ?? [], levels: levels, pyramid: pyramid,
        features: features, roiOperator: roiOperator, bins: Self.bins
      ).figures)
  }
}

/// The levels that RoIs are read from, with their strides: the padded input's size over the grid's.
///
/// torchvision guesses the strides instead, once, from the first image's size *without* padding,
/// rounded to powers of two. Where padding adds much to a small height, at 1 to 22, 33 to 45 and 65
/// to 67 pixels, its guess is wrong, and results differ.
public struct RoIPyramid: Sendable {
  /// P2 … P5, `[1, C, H, W]`.
  public var levels: [Tensor]
  /// Pixels of the resized image per cell.
  public var strides: [Int]

  /// Makes a pyramid of its levels and their strides.
  public init(levels: [Tensor], strides: [Int]) {
    precondition(levels.count == strides.count, "\(levels.count) levels, \(strides.count) strides")
    self.levels = levels
    self.strides = strides
  }

  /// Reads the pyramid that stage 1 left.
  ///
  /// - Throws: `Fault` if a level is missing or the levels do not fit each other.
  public init(_ folder: StageWriter) throws {
    try self.init(input: folder.read("0-input"), backbone: folder.read("1-backbone"))
  }

  /// Reads the pyramid from the folders of the stages 0 and 1.
  ///
  /// - Throws: `Fault` if a level is missing or the levels do not fit each other.
  public init(input: StageFolder, backbone: StageFolder) throws {
    let input = try InputSizes(input).padded
    let levels = try RoIStage.levels.map { try backbone.pyramidLevel($0, of: input) }
    guard levels.allSatisfy({ $0.shape[1] == levels[0].shape[1] }) else {
      throw Fault(
        backbone.folder.path, "the levels differ in their number of channels",
        remedy: "Run the stage backbone again")
    }
    self.levels = levels
    strides = levels.map { input.height / $0.shape[2] }
  }

  /// The features of boxes, each read from its level: `[R, C, Y, X]`.
  public func features(
    _ boxes: [Box], levels assigned: [Int], bins: BinGrid, operator roiOperator: RoIOperator
  ) -> Tensor {
    roiFeatures(
      levels, boxes: boxes, levels: assigned, scales: strides.map { 1 / Float($0) }, bins: bins,
      operator: roiOperator)
  }
}

extension RoIOperator {
  /// The operator as `stage.json` records it.
  public var options: [String: OptionValue] {
    switch self {
    case .pool:
      ["operator": .text("pool")]
    case .warp(let samplingRatio, let maximum):
      [
        "operator": .text("warp"), "samplingRatio": .integer(samplingRatio),
        "reduction": .text(maximum ? "maximum" : "average"),
      ]
    case .align(let samplingRatio, let aligned, let maximum):
      [
        "operator": .text("align"), "samplingRatio": .integer(samplingRatio),
        "aligned": .flag(aligned), "reduction": .text(maximum ? "maximum" : "average"),
      ]
    }
  }

  /// The operator that a stage's `stage.json` records; nil where it records none, or not all of it.
  public init?(options: [String: OptionValue]) {
    guard options["operator"] != .text("pool") else {
      self = .pool
      return
    }
    guard let samplingRatio = options["samplingRatio"]?.count, samplingRatio <= 64,
      case .text(let reduction)? = options["reduction"], ["average", "maximum"].contains(reduction)
    else { return nil }
    switch (options["operator"], options["aligned"]) {
    case (.text("warp"), _):
      self = .warp(samplingRatio: samplingRatio, maximum: reduction == "maximum")
    case (.text("align"), .flag(let aligned)):
      self = .align(
        samplingRatio: samplingRatio, aligned: aligned, maximum: reduction == "maximum")
    default: return nil
    }
  }
}
