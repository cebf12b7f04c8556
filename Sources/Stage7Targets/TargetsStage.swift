import Figures
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage5Heads
import Tensors
import Tracing

/// Stage 7 in a trace: anchors and proposals compared with the truth, and what the network should
/// have said of those that are sampled.
public struct TargetsStage: Stage {
  /// The folder in a trace.
  public static let name = "7-targets"
  /// What the stage computes.
  public static let title = "Targets: anchors and proposals matched with the truth, and a sample."

  /// The objects that there are in the image.
  public var truth: LabelledImage
  /// One name per class, background first.
  public var classNames: [String]
  /// Rows and columns of a mask.
  public var maskSide: Int
  /// By which numbers boxes are matched and sampled.
  public var options: TargetOptions

  /// Makes the stage; the default numbers are torchvision's.
  ///
  /// - Parameter maskSide: rows and columns of a mask
  public init(
    _ truth: LabelledImage, classNames: [String], maskSide: Int = 28,
    _ options: TargetOptions = .torchvision
  ) {
    (self.truth, self.classNames, self.options) = (truth, classNames, options)
    self.maskSide = maskSide
  }

  /// The anchors and the proposals.
  public static let inputs = [
    StageInput(AnchorsStage.name, "anchors.P2", to: "anchors.P6"),
    StageInput(ProposalsStage.name, "proposals"),
  ]

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] {
    [
      "truth": .text(truth.file), "truthChecksum": .text(truth.checksum),
      "classNames": .texts(classNames), "maskSide": .integer(maskSide),
    ]
  }

  /// Reads 0-input, 2-anchors and 3-proposals; writes the truth, and the targets of anchors and
  /// RoIs.
  public func run(_ folder: StageWriter) throws {
    let input = try folder.read(InputStage.name)
    let sizes = try InputSizes(input)
    let truth = try ImageTruth(truth.image, sizes: sizes)
    let predictions = try folder.read(AnchorsStage.name)
    let levels = try LevelCandidates.all(predictions)
    let boxes = levels.flatMap(\.anchors)
    let proposals = try folder.read(ProposalsStage.name)
      .boxes("proposals", inside: sizes.resized)

    folder.report("matching \(boxes.count) anchors with \(truth.boxes.count) objects")
    var generator = SeededGenerator(seed: UInt64(options.seed))
    let anchors = anchorTargets(
      boxes, truth: truth, matcher: options.anchors, sampling: options.anchorSampling,
      using: &generator)
    folder.report("matching \(proposals.count) proposals")
    let rois = roiTargets(
      proposals, truth: truth, maskSide: maskSide, matcher: options.rois,
      sampling: options.roiSampling, using: &generator,
      coder: options.weighsDeltas ? .detections : .proposals)
    try folder.add(truth)
    try folder.add(anchors)
    try folder.add(rois)
    let grids = AnchorGrids(levels)
    try folder.addFile(
      "anchors.csv", anchorLedgerCSV(anchors, boxes, grids),
      caption: "Every anchor that is sampled, positive or ignored, and how it was matched")
    try folder.addFile(
      "rois.csv", roiLedgerCSV(rois, proposals: proposals.count, classNames: classNames),
      caption: "Every proposal and every object's own box, how it was matched, and its targets")
    guard folder.drawsFigures else { return }
    try folder.add(
      TargetsDrawing(
        backdrop: input.backdrop(), truth: truth, boxes: boxes, grids: grids,
        anchors: anchors, rois: rois, classNames: classNames, options: options
      ).figures)
  }
}

extension TargetsStage {
  /// How many anchors and RoIs were sampled, and how many of them are positive.
  public static func outcome(_ folder: StageFolder) -> String {
    "\(folder.count("truth.boxes")) objects, \(folder.count("anchors.sampled")) anchors "
      + "(\(folder.count("anchors.positives")) positive), \(folder.count("rois.sampled")) RoIs "
      + "(\(folder.count("rois.positives")) positive)"
  }
}
