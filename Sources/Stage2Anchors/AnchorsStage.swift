import Model
import Figures
import Stage0Input
import Stage1Backbone
import Tensors
import Tracing

/// Stage 2 in a trace: the pyramid to anchors, and what the region proposal network says of them.
public struct AnchorsStage: Stage {
  /// The folder in a trace.
  public static let name = "2-anchors"
  /// What the stage computes.
  public static let title = "Anchors at every cell of every level, with objectness and deltas."

  /// The parameters.
  public var head: RPNHead
  /// Where the parameters come from, for the record.
  public var weights: WeightSource
  /// Side of the square anchor of each level.
  public var sizes: [Float]
  /// Height over width of the anchors of one cell.
  public var aspectRatios: [Float]
  /// Pixels per cell of each level, by rows and by columns, one level after another, as
  /// implementations that take them from a configuration have them; nil for the padded input's size
  /// over the grid's, which cannot be wrong.
  public var strides: [Int]?

  /// Makes the stage with a model's head and anchors.
  public init(_ model: MaskRCNNModel) {
    head = model.rpnHead
    weights = model.weightSource
    sizes = model.settings.anchorSizes
    aspectRatios = model.settings.anchorAspectRatios
  }

  /// What `stage.json` records of the options; the strides where they were given.
  public static var recordedOptions: [RecordedOption<Self>] {
    [
      RecordedOption("anchorSizes", \.sizes),
      RecordedOption("anchorAspectRatios", \.aspectRatios),
      RecordedOption(
        "strides", record: { $0.strides.map { ["strides": .numbers($0.map(Double.init))] } ?? [:] },
        take: { options, stage in
          stage.strides = options["strides"]?.numbers?.map { Int($0) }
          return (stage.strides == nil) == (options["strides"] == nil)
        }),
    ]
  }

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    weights.recordedFacts.merging(["headConvolutions": .integer(head.convolutions.count)]) { $1 }
  }

  /// Reads 0-input and 1-backbone; writes `objectness`, `deltas` and `anchors` of every level.
  public func run(_ folder: StageWriter) throws {
    let source = try folder.read("0-input")
    let input = try InputSizes(source).padded
    let backbone = try folder.read("1-backbone")
    if let given = strides, given.count != 2 * sizes.count || given.contains(where: { $0 < 1 }) {
      throw Fault(
        Self.name, "\(given) are not strides of \(sizes.count) levels",
        remedy: "Give two numbers of pixels from 1 for each level")
    }
    var bases: [Box] = []
    var used: [Int] = []
    var drawings: [LevelDrawing] = []
    for (number, (level, size)) in zip(BackboneStage.levels, sizes).enumerated() {
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
      let base = baseAnchors(size: size, aspectRatios: aspectRatios)
      // The padded size over the grid's, whole pixels: 61, not 64, where P6 has 13 cells of 800.
      let derived = (input.height / rows, input.width / columns)
      let (rowStride, columnStride) =
        strides.map { ($0[2 * number], $0[2 * number + 1]) } ?? derived
      let anchors = gridAnchors(
        base: base, rows: rows, columns: columns, rowStride: rowStride,
        columnStride: columnStride)
      bases += base
      used += [rowStride, columnStride]
      drawings.append(
        LevelDrawing(
          name: level, prediction: prediction, anchors: anchors, base: base,
          stride: (rowStride, columnStride)))
      try folder.add(
        "objectness.\(level)", prediction.objectness, axes: ["N", "A", "H", "W"], units: "logit",
        note: "whether an anchor holds an object")
      try folder.add(
        "deltas.\(level)", prediction.deltas, axes: ["N", "4 A", "H", "W"],
        units: "anchor size, logarithm", note: "dx dy dw dh of every anchor")
      try folder.add(
        "anchors.\(level)", boxes: anchors, axis: "H W A",
        note: "by row, by column, by shape")
    }
    try folder.add(
      "base_anchors", Tensor(boxes: bases).reshaped([sizes.count, aspectRatios.count, 4]),
      axes: ["level", "A", "x1 y1 x2 y2"], units: "pixel", note: "the anchors of a cell at (0, 0)")
    try folder.add(
      "strides", integers: used, shape: [sizes.count, 2], axes: ["level", "rows columns"],
      units: "pixel", note: "how far apart cells lie")
    guard folder.drawsFigures else { return }
    try folder.add(AnchorsDrawing(backdrop: Raster(source.backdrop()), levels: drawings).figures)
  }
}
