import Model
import Figures
import Stage0Input
import Stage1Backbone
import Tensors
import Tracing

/// Stage 2 in a trace: the pyramid to anchors, and what the region proposal network predicts for
/// them.
public struct AnchorsStage: Stage {
  /// The folder in a trace.
  public static let name = "2-anchors"
  /// What the stage computes.
  public static let title = "Anchors at every cell of every level, with objectness and deltas."

  /// The parameters.
  public var head: RPNHead
  /// Where the parameters come from, for the record.
  public var weights: WeightSource
  /// Which anchors.
  public var options: AnchorOptions

  /// Makes the stage with a model's head and anchors.
  public init(_ model: MaskRCNNModel) {
    head = model.rpnHead
    weights = model.weightSource
    options = AnchorOptions(model.settings)
  }

  /// The pyramid.
  public static let inputs = [StageInput(BackboneStage.name, "P2", to: "P6")]

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    weights.recordedFacts.merging(["headConvolutions": .integer(head.convolutions.count)]) { $1 }
  }

  /// Reads 0-input and 1-backbone; writes `objectness`, `deltas` and `anchors` of every level.
  public func run(_ folder: StageWriter) throws {
    let source = try folder.read("0-input")
    let input = try InputSizes(source).padded
    let backbone = try folder.read("1-backbone")
    let bases = options.base
    let levels = backbone.levels("P")
    guard levels.count == bases.count, let shapes = bases.first?.count,
      bases.allSatisfy({ $0.count == shapes })
    else {
      throw Fault(
        backbone.folder.path,
        "there are \(levels.count) levels, and anchors of \(bases.count) levels, "
          + "\(bases.map(\.count)) to a cell",
        remedy: "Run the stage backbone again with the same weights")
    }
    if let given = options.strides,
      given.count != 2 * levels.count || given.contains(where: { $0 < 1 })
    {
      throw Fault(
        Self.name, "\(given) are not strides of \(levels.count) levels",
        remedy: "Give two numbers of pixels from 1 for each level")
    }
    var used: [Int] = []
    var drawings: [LevelDrawing] = []
    for (number, base) in bases.enumerated() {
      let level = "P\(levels[number])"
      folder.report(level)
      let features = try backbone.pyramidLevel(level, of: input)  // [1, F, H, W]
      guard features.shape[1] == head.objectness.weight.shape[1] else {
        throw Fault(
          backbone.folder.path,
          "\(level) has \(features.shape[1]) channels, the head reads "
            + "\(head.objectness.weight.shape[1])",
          remedy: "Run the stage backbone again with the same weights")
      }
      let prediction = rpnPrediction(features, head)
      let (rows, columns) = (features.shape[2], features.shape[3])
      let (rowStride, columnStride) =
        options.strides.map { ($0[2 * number], $0[2 * number + 1]) }
        ?? anchorStride(of: input, rows: rows, columns: columns)
      let anchors = gridAnchors(
        base: base, rows: rows, columns: columns, rowStride: rowStride,
        columnStride: columnStride)
      used += [rowStride, columnStride]
      drawings.append(
        LevelDrawing(
          name: level, prediction: prediction, anchors: anchors, base: base,
          stride: (rowStride, columnStride)))
      try folder.add(
        "objectness.\(level)", prediction.objectness, axes: ["N", "A", "H", "W"], units: "logit",
        note: "that an anchor contains an object; channel a is anchor a of the cell")
      try folder.add(
        "deltas.\(level)", prediction.deltas, axes: ["N", "4 A", "H", "W"],
        units: "anchor size, logarithm",
        note: "channel 4 a + c is coordinate c (dx, dy, dw, dh) of anchor a")
      try folder.add(
        "anchors.\(level)", boxes: anchors, axis: "H W A",
        note: "by row, by column, by shape")
    }
    try folder.add(
      "base_anchors", Tensor(boxes: bases.flatMap(\.self)).reshaped([levels.count, shapes, 4]),
      axes: ["level", "A", "x1 y1 x2 y2"], units: "input pixels",
      note: "the anchors of a cell at (0, 0); P\(levels[0]) first")
    try folder.add(
      "strides", integers: used, shape: [levels.count, 2], kind: .quantity,
      axes: ["level", "rows columns"], units: "input pixels",
      note: "between the anchors of neighbouring cells; P\(levels[0]) first")
    guard folder.drawsFigures else { return }
    try folder.add(AnchorsDrawing(backdrop: source.backdrop(), levels: drawings).figures)
  }
}

extension AnchorsStage {
  /// How many anchors there are.
  public static func outcome(_ folder: StageFolder) -> String {
    let levels = folder.levels("anchors.P")
    let anchors = levels.reduce(0) { $0 + folder.count("anchors.P\($1)") }
    return "\(anchors) anchors on \(levels.count) level\(levels.count == 1 ? "" : "s")"
  }
}
