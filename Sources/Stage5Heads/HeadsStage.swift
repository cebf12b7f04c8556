import Foundation
import Model
import Figures
import Stage0Input
import Stage1Backbone
import Stage4RoI
import Tensors
import Tracing

/// Stage 5 in a trace: features of proposals to detections with masks.
public struct HeadsStage: Stage {
  /// The folder in a trace.
  public static let name = "5-heads"
  /// What the stage computes.
  public static let title = "Class scores and refined boxes, detections, and a mask per class."

  /// The box head's parameters.
  public var boxHead: BoxHead
  /// The mask head's parameters.
  public var maskHead: MaskHead
  /// Where the parameters come from, for the record.
  public var weights: WeightSource
  /// The numbers by which predictions become detections.
  public var settings: DetectionOptions
  /// One name per class.
  public var classNames: [String]

  /// The grid of bins that the mask head reads.
  public static let maskBins: BinGrid = 14

  /// Makes the stage with a model's heads and settings; the other numbers are torchvision's.
  public init(_ model: MaskRCNNModel) {
    boxHead = model.boxHead
    maskHead = model.maskHead
    weights = model.weightSource
    classNames = model.settings.classNames
    settings = DetectionOptions(
      scoreThreshold: model.settings.scoreThreshold, minimumSize: 1e-2, nmsThreshold: 0.5,
      detectionsPerImage: model.settings.detectionsPerImage)
  }

  /// What `stage.json` records of the options.
  public static var recordedOptions: [RecordedOption<Self>] {
    [
      RecordedOption("scoreThreshold", \.settings.scoreThreshold),
      RecordedOption("minimumSize", \.settings.minimumSize),
      RecordedOption("nmsThreshold", \.settings.nmsThreshold),
      RecordedOption("detectionsPerImage", \.settings.detectionsPerImage),
    ]
  }

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    weights.recordedFacts.merging([
      "maskBins": .integer(Self.maskBins.rows),
      "maskOperator": .text("as in stage 4"),
      "classNames": .texts(classNames),
    ]) { $1 }
  }

  /// Reads 0-input, 1-backbone, 3-proposals and 4-roi; writes scores, detections, mask logits.
  public func run(_ folder: StageWriter) throws {
    let input = try folder.read("0-input")
    let size = try InputSizes(input).resized
    let boxes = try folder.read("3-proposals").boxes("proposals", inside: size)
    let roi = try folder.read("4-roi")
    let features = try roi.tensor("features")  // [R, C, Y, X]
    let pyramid = try RoIPyramid(folder)
    try check(features, proposals: boxes.count, pyramid, folder: roi.folder)

    folder.report("box head on \(boxes.count) proposals")
    let branch = BoxBranch(features, proposals: boxes, image: size, boxHead, settings)
    try add(branch.prediction, branch.refined, to: folder)
    try add(branch.detections, to: folder)

    let detected = branch.detections.all
    folder.report("mask head on \(detected.count) detections")
    // Both branches read their features by one operator.
    let roiOperator = try RoIStage(.torchvision).withOptions(of: roi).roiOperator
    let masks = MaskBranch(detected.map(\.box), pyramid, maskHead, operator: roiOperator)
    try folder.add(
      "mask_levels", integers: masks.levels, axes: ["D"], units: "level",
      note: "which level each detection is read from, 0 for P2")
    try folder.add(
      "mask_features", masks.features, axes: ["D", "C", "Y", "X"], units: "activation",
      note: "what the mask head reads")
    try folder.add(
      "mask_logits", masks.logits, axes: ["D", "K", "M", "M"], units: "logit",
      note: "a mask per class")
    guard folder.drawsFigures else { return }
    let image = try input.backdrop()
    try folder.add(
      HeadsDrawing(
        backdrop: Raster(image), image: image, proposals: boxes,
        prediction: branch.prediction, found: branch.detections, maskFeatures: masks.features,
        maskLogits: masks.logits, classNames: classNames, options: settings
      ).figures)
  }

  /// Refuses features or a pyramid that are not such as the heads' weights read.
  ///
  /// - Parameter folder: where they come from, for the error
  /// - Throws: `Fault` if they were made with other weights
  public func check(
    _ features: Tensor, proposals: Int, _ pyramid: RoIPyramid, folder: URL
  ) throws {
    let channels = maskHead.convolutions.first?.weight.shape[1] ?? 0
    let bins = RoIStage.bins
    let expected: Shape = [proposals, channels, bins.rows, bins.columns]
    let inputs = channels * bins.count
    guard features.shape == expected, pyramid.levels[0].shape[1] == channels,
      !boxHead.convolutions.isEmpty || boxHead.layers.first?.weight.shape[1] == inputs
    else {
      throw Fault(
        folder.path,
        "the features \(features.shape) are not the \(expected) that the heads read",
        remedy: "Run the stages backbone to roi again with the same weights")
    }
  }

  private func add(
    _ prediction: BoxPrediction, _ refined: Tensor, to folder: StageWriter
  ) throws {
    try folder.add(
      "box_features", prediction.features, axes: ["R", "F"], units: "activation",
      note: "what the two predictors read")
    try folder.add(
      "class_logits", prediction.classLogits, axes: ["R", "K"], units: "logit",
      note: "a logit per class, background first")
    try folder.add(
      "class_scores", prediction.classScores, axes: ["R", "K"], units: "probability",
      note: "softmax of the logits")
    try folder.add(
      "box_deltas", prediction.deltas, axes: ["R", "4 K"], units: "proposal size, logarithm",
      note: "dx dy dw dh per class, weighted 10 10 5 5")
    try folder.add(
      "refined", refined, axes: ["R", "K", "x1 y1 x2 y2"], units: "pixel",
      note: "every proposal moved by every class's deltas, clipped")
  }

  private func add(_ found: Detections, to folder: StageWriter) throws {
    let detected = found.all
    try folder.add("boxes", boxes: detected.map(\.box), axis: "D", note: "detections")
    try folder.add(
      "scores", Tensor([detected.count], detected.map(\.score)), axes: ["D"],
      units: "probability", note: "by descending score")
    try folder.add(
      "labels", integers: detected.map(\.label), axes: ["D"], units: "class",
      note: "classes of the detections")
    try folder.add(
      "proposal", integers: detected.map(\.proposal), axes: ["D"], units: "proposal",
      note: "which proposal each detection came from")
    try folder.add(
      "ledger", ledgerTensor(found.ledger), exactly: true,
      axes: ["entry", "proposal class score x1 y1 x2 y2 fate by overlap"],
      units: "as the column says",
      note: "every pair of proposal and class over the score threshold, and its fate: 0 kept, "
        + "1 suppressed, 2 too small, 3 beyond the limit")
    try folder.addFile(
      "ledger.csv", ledgerCSV(found.ledger, classNames: classNames),
      caption: "Every pair of proposal and class over the score threshold, and its fate")
  }
}
