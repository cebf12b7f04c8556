import Foundation
import Model
import Figures
import Stage0Input
import Stage1Backbone
import Stage3Proposals
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
  public var options: DetectionOptions
  /// One name per class.
  public var classNames: [String]
  /// One number per class, as annotations give it; empty where it is the class itself.
  public var categoryIDs: [Int]

  /// How mask logits become probabilities.
  public var maskActivation: MaskActivation

  /// Rows and columns of the bins that the box head reads.
  public var boxBins: Int
  /// Rows and columns of the bins that the mask head reads.
  public var maskBins: Int

  /// Makes the stage with a model's heads and settings; the other numbers are torchvision's.
  public init(_ model: MaskRCNNModel) {
    boxHead = model.boxHead
    maskHead = model.maskHead
    weights = model.weightSource
    classNames = model.settings.classNames
    categoryIDs = model.settings.categoryIDs
    options = .torchvision(model.settings)
    maskActivation = model.settings.maskActivation
    (boxBins, maskBins) = (model.parameters.boxBins, model.settings.roi.maskBins)
  }

  /// What stage 4 read, the proposals, and the levels that masks are read from.
  public static let inputs = [
    StageInput(RoIStage.name, "features"), StageInput(ProposalsStage.name, "proposals"),
    StageInput(BackboneStage.name, "P2", to: "P5"),
  ]

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    var facts = weights.recordedFacts.merging([
      "maskBins": .integer(maskBins),
      "maskOperator": .text("as in stage 4"),
      "maskActivation": .text(maskActivation.rawValue),
      "classNames": .texts(classNames),
    ]) { $1 }
    if !categoryIDs.isEmpty { facts["categoryIDs"] = .numbers(categoryIDs.map(Double.init)) }
    return facts
  }

  /// Reads 0-input, 1-backbone, 3-proposals and 4-roi; writes scores, detections, mask logits.
  public func run(_ folder: StageWriter) throws {
    let input = try folder.read("0-input")
    let size = try InputSizes(input).resized
    let boxes = try folder.read("3-proposals").boxes("proposals", inside: size)
    let roi = try folder.read("4-roi")
    let features = try roi.tensor("features")  // [R, C, Y, X]
    let reading = try RoIOptions(roi)
    let pyramid = try RoIPyramid(folder, reading.assignment)
    try check(features, proposals: boxes.count, pyramid, folder: roi.folder)

    folder.report("box head on \(boxes.count) proposals")
    let branch = BoxBranch(features, proposals: [boxes], images: [size], boxHead, options)
    let found = branch.candidates[0]
    try add(branch.prediction, branch.refined, to: folder)
    try add(found, to: folder)

    let detected = found.detected
    folder.report("mask head on \(detected.count) detections")
    // Both branches read their features by one operator.
    let masks = MaskBranch(
      [detected.map(\.box)], pyramid, maskHead, bins: BinGrid(maskBins),
      operator: reading.roiOperator)
    try folder.add(
      "mask_levels", integers: detected.map { pyramid.level(of: $0.box) }, kind: .category,
      axes: ["D"], units: "level", note: "which level each detection is read from, 2 for P2")
    try folder.add(
      "mask_features", masks.features, axes: ["D", "C", "Y", "X"], units: "activation",
      note: "what the mask head reads")
    try folder.add(
      "mask_logits", masks.logits, axes: ["D", "K", "M", "M"], units: "logit",
      note: "a mask per class")
    guard folder.drawsFigures else { return }
    try folder.add(
      HeadsDrawing(
        backdrop: input.backdrop(), proposals: boxes,
        prediction: branch.prediction, found: found, maskFeatures: masks.features,
        maskLogits: masks.logits, maskActivation: maskActivation, classNames: classNames,
        options: options
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
    let expected: Shape = [proposals, channels, boxBins, boxBins]
    let inputs = channels * boxBins * boxBins
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
      note: "column 4 k + c is coordinate c (dx, dy, dw, dh) of class k, weighted 10 10 5 5")
    try folder.add(
      "refined", refined, axes: ["R", "K", "x1 y1 x2 y2"], units: "input pixels",
      note: "every proposal moved by every class's deltas, clipped")
  }

  private func add(_ found: DetectionCandidates, to folder: StageWriter) throws {
    let detected = found.detected
    try folder.add("boxes", boxes: detected.map(\.box), axis: "D", note: "detections")
    try folder.add(
      "scores", Tensor([detected.count], detected.map(\.score)), axes: ["D"],
      units: "probability", note: "by descending score")
    try folder.add(
      "labels", integers: detected.map(\.label), kind: .category, axes: ["D"], units: "class",
      note: "classes of the detections")
    try folder.add(
      "proposal", integers: detected.map(\.proposal), kind: .category, axes: ["D"],
      units: "proposal", note: "which proposal each detection came from")
    try folder.add(
      "ledger", ledgerTensor(found.ledger), exactly: true,
      axes: ["entry", DetectionLedgerColumn.names], units: "as the column says",
      categoryColumns: DetectionLedgerColumn.categories, note: DetectionLedgerColumn.note)
    try folder.addFile(
      "ledger.csv", ledgerCSV(found.ledger, classNames: classNames),
      caption: "Every pair of proposal and class over the score threshold, and its fate")
  }
}

extension HeadsStage {
  /// How many detections there are, and the masks' shape.
  public static func outcome(_ folder: StageFolder) -> String {
    "\(folder.count("boxes")) detections, mask logits \(folder.shape("mask_logits"))"
  }
}
