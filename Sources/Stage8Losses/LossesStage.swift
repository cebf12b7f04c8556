import Figures
import Foundation
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage7Targets
import Tensors
import Tracing

/// Stage 8 in a trace: what the network's answers cost, anchor by anchor, RoI by RoI, pixel by
/// pixel.
public struct LossesStage: Stage {
  /// The folder in a trace.
  public static let name = "8-losses"
  /// What the stage computes.
  public static let title = "Losses: what the network's answers for the sample cost."

  /// The heads, which are run on the sampled RoIs.
  public var heads: HeadsStage
  /// Over which masks the mask loss is taken.
  public var options: LossOptions

  /// Makes the stage with a model's heads.
  public init(_ model: MaskRCNNModel, _ options: LossOptions = .torchvision) {
    heads = HeadsStage(model)
    self.options = options
  }

  /// What the network predicted, and what it should have.
  public static let inputs =
    [StageInput(BackboneStage.name, "P2", to: "P5")]
    + ["objectness", "deltas"].map { StageInput(AnchorsStage.name, "\($0).P2", to: "\($0).P6") }
    + ["anchors.sampled", "rois.sampled", "rois.masks"].map { StageInput(TargetsStage.name, $0) }

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    heads.weights.recordedFacts.merging([
      "roiOperator": .text("as in stage 4"),
      "smoothL1Beta": .number(Double(torchvisionSmoothL1Beta)),
      "classNames": .texts(heads.classNames),
    ]) { $1 }
  }

  /// Reads 0-input, 1-backbone, 2-anchors, 4-roi and 7-targets; writes the five losses with all
  /// their parts, and what the heads predict for the sampled RoIs.
  public func run(_ folder: StageWriter) throws {
    let predictions = try folder.read(AnchorsStage.name)
    let levels = try LevelCandidates.all(predictions)
    let left = try folder.read(TargetsStage.name)
    let (anchors, rois, truth) = try TargetsStage.targets(of: left)
    let operatorRecord = try folder.read(RoIStage.name)
    let reading = try RoIOptions(operatorRecord)
    let pyramid = try RoIPyramid(folder, reading.assignment)
    try check(anchors, rois, levels, folder: left.folder)

    folder.report("box head on \(rois.sampled.count) RoIs")
    let features = pyramid.features(
      rois.boxes, bins: BinGrid(heads.boxBins), operator: reading.roiOperator)  // [R, C, 7, 7]
    try heads.check(
      features, proposals: rois.sampled.count, pyramid, folder: operatorRecord.folder)
    let boxes = boxPrediction(features, heads.boxHead)
    folder.report("mask head on \(rois.positives.count) RoIs")
    let masks = maskLogits(
      pyramid.features(
        rois.maskBoxes, bins: BinGrid(heads.maskBins), operator: reading.roiOperator),
      heads.maskHead
    )  // [P, K, M, M]
    let losses = TrainingLosses(
      rpn: rpnLosses(
        objectness: levels.map(\.objectness), deltas: levels.map(\.deltas), targets: [anchors]),
      boxHead: boxHeadLosses(
        classLogits: boxes.classLogits, deltas: boxes.deltas, targets: [rois]),
      masks: options.maskClasses == .own
        ? maskLoss(masks, targets: [rois], heads.maskActivation)
        : maskLossOverAllClasses(masks, targets: [rois]))
    let probabilities = maskProbabilities(
      masks, labels: rois.maskLabels, heads.maskActivation)  // [P, M, M]
    try folder.add(losses)
    try folder.add(boxes, maskProbabilities: probabilities)
    try folder.addFile(
      "rois.csv", roiLossLedgerCSV(losses, rois, boxes, classNames: heads.classNames),
      caption: "Every sampled RoI: its class, the scores it got, and what they cost")
    guard folder.drawsFigures else { return }
    let input = try folder.read(InputStage.name)
    try folder.add(
      LossesDrawing(
        backdrop: input.backdrop(), padded: InputSizes(input).padded, levels: levels,
        anchors: anchors, rois: rois, truth: truth, losses: losses, boxes: boxes,
        maskProbabilities: probabilities, classNames: heads.classNames
      ).figures)
  }

  /// Refuses targets of another network's anchors or classes.
  private func check(
    _ anchors: AnchorTargets, _ rois: RoITargets, _ levels: [LevelCandidates], folder: URL
  ) throws {
    let classes = heads.boxHead.classLogits.weight.shape[0]
    guard anchors.matches.count == levels.reduce(0, { $0 + $1.anchors.count }),
      rois.labels.allSatisfy({ $0 < classes }), rois.masks.shape[1] == 2 * heads.maskBins
    else {
      throw Fault(
        folder.path,
        "the targets are of other anchors, or of more classes than the \(classes) of the weights",
        remedy: "Run the stage targets again with the same weights")
    }
  }
}

extension LossesStage {
  /// How many losses, and their total.
  public static func outcome(_ folder: StageFolder) -> String {
    guard let losses = try? losses(of: folder) else { return "\(folder.count("losses")) losses" }
    return "\(LossName.allCases.count) losses, total \(Numerals.decimals(Double(losses.total), 4))"
  }
}
