import Figures
import Stage0Input
import Stage1Backbone
import Stage3Proposals
import Tensors
import Tracing

/// Stage 4 in a trace: proposals and pyramid to features of a fixed size.
public struct RoIStage: Stage {
  /// The folder in a trace.
  public static let name = "4-roi"
  /// What the stage computes.
  public static let title = "Features of every proposal, brought to a fixed grid."

  /// Which operator.
  public var options: RoIOptions

  /// Makes the stage; the default operator is torchvision's.
  public init(_ options: RoIOptions = .torchvision) { self.options = options }

  /// The proposals, and the levels that they are read from.
  public static let inputs = [
    StageInput(ProposalsStage.name, "proposals"), StageInput(BackboneStage.name, "P2", to: "P5"),
  ]

  /// Reads 0-input, 1-backbone and 3-proposals; writes `levels` and `features`.
  public func run(_ folder: StageWriter) throws {
    let source = try folder.read("3-proposals")
    let size = try InputSizes(folder.read("0-input")).resized
    let boxes = try source.boxes("proposals", inside: size)
    let pyramid = try RoIPyramid(folder, options.assignment)
    let roiOperator = options.roiOperator
    let bins = BinGrid(options.bins)
    let levels = boxes.map(pyramid.level)
    folder.report("\(roiOperator.name) of \(boxes.count) proposals")
    let features = pyramid.features(boxes, bins: bins, operator: roiOperator)

    try folder.add(
      "levels", integers: levels, kind: .category, axes: ["R"], units: "level",
      note: "which level each proposal is read from, 2 for P2")
    try folder.add(
      "features", features, axes: ["R", "C", "Y", "X"], units: "activation",
      note: "what the box head reads")
    guard folder.drawsFigures else { return }
    try folder.add(
      RoIDrawing(
        backdrop: folder.read("0-input").backdrop(), proposals: boxes,
        scores: source.arrayIfKept("scores")?.tensor.values ?? [], levels: levels, pyramid: pyramid,
        features: features, roiOperator: roiOperator, bins: bins
      ).figures)
  }
}

extension RoIStage {
  /// The features' shape.
  public static func outcome(_ folder: StageFolder) -> String {
    "features \(folder.shape("features"))"
  }
}

extension RoIPyramid {
  /// Reads the pyramid that stage 1 left.
  ///
  /// - Throws: `Fault` if a level is missing or the levels do not fit each other.
  public init(_ folder: StageWriter, _ assignment: LevelAssignment) throws {
    try self.init(
      input: folder.read("0-input"), backbone: folder.read("1-backbone"), assignment)
  }

  /// Reads the pyramid from the folders of the stages 0 and 1.
  ///
  /// - Throws: `Fault` if a level is missing or the levels do not fit each other.
  public init(
    input: StageFolder, backbone: StageFolder, _ assignment: LevelAssignment
  ) throws {
    let input = try InputSizes(input).padded
    let levels = try assignment.levels.map { try backbone.pyramidLevel("P\($0)", of: input) }
    guard levels.allSatisfy({ $0.shape[1] == levels[0].shape[1] }) else {
      throw Fault(
        backbone.folder.path, "the levels differ in their number of channels",
        remedy: "Run the stage backbone again")
    }
    self.init(levels, firstLevel: assignment.levels.lowerBound, assignment, input: input)
  }
}
