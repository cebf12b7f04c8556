import Figures
import Stage0Input
import Tensors
import TestFixtures
import Testing

@testable import Stage1Backbone
@testable import Stage2Anchors
@testable import Stage3Proposals
@testable import Stage4RoI
@testable import Stage5Heads
@testable import Stage6Masks

/// A few images of each kind against recorded ones; what is in them is for the eye, what must not
/// change unseen is for the test.
@Suite struct StageSnapshotTests {
  @Test func pyramidLevel() {
    let size = ImageSize(height: 90, width: 96)
    let map = FeatureMap(
      "P3", Small.map(channels: 12, stride: 8), padded: ImageSize(height: 96, width: 96),
      image: size)
    let figure = BackboneDrawing(trunk: [], pyramid: [map]).figure(map)
    #expect(snapshotFault(figure.draw(), named: "stage1-level") == nil)
  }

  @Test func anchors() {
    let drawing = AnchorsDrawing(backdrop: Backdrop(Small.image), levels: Small.levels)
    #expect(snapshotFault(drawing.anchorsFigure.draw(), named: "stage2-anchors") == nil)
    #expect(snapshotFault(drawing.shiftsFigure.draw(), named: "stage2-shifts") == nil)
  }

  @Test func candidates() {
    let drawing = ProposalsDrawing(
      backdrop: Backdrop(Small.image), proposals: Small.proposals, options: Small.proposalOptions)
    #expect(snapshotFault(drawing.candidatesFigure.draw(), named: "stage3-candidates") == nil)
    #expect(snapshotFault(drawing.clusterFigure.draw(), named: "stage3-cluster") == nil)
  }

  @Test(arguments: [
    ("pool", RoIOperator.pool), ("align", .align(samplingRatio: 2, aligned: true, maximum: false)),
  ]) func operators(name: String, roiOperator: RoIOperator) throws {
    let drawing = Small.roi(Small.boxes, roiOperator)
    let example = try #require(drawing.examples.first)
    #expect(snapshotFault(drawing.figure(example).draw(), named: "stage4-\(name)") == nil)
  }

  @Test func examplesDiffer() {
    let chosen = Small.roi(Small.boxes, .pool).examples.map(\.proposal)
    #expect(chosen == [0, 1, 2])
  }

  @Test func scoresAndMasks() {
    let drawing = Small.heads(Small.boxes)
    #expect(snapshotFault(drawing.scoresFigure.draw(), named: "stage5-scores") == nil)
    #expect(snapshotFault(drawing.masksFigure.draw(), named: "stage5-masks") == nil)
  }

  @Test func overlayAndPaste() {
    let drawing = Small.masks(Small.boxes)
    #expect(snapshotFault(drawing.overlayFigure.draw(), named: "stage6-overlay") == nil)
    #expect(snapshotFault(drawing.pasteFigure.draw(), named: "stage6-paste") == nil)
  }

  @Test("the overlay's title tells the detections shown from those found")
  func overlayTitle() {
    // Scores from 0.95 in steps of 0.05: nine are over 0.5.
    let many = (0..<12).map { Small.boxes[$0 % Small.boxes.count] }
    #expect(
      Small.masks(many).overlayFigure.title == "9 of 12 detections: those with a score over 0.5")
    #expect(Small.masks(Small.boxes).overlayFigure.title == "All 3 detections")
    #expect(Small.masks([Small.boxes[0]]).overlayFigure.title == "1 detection")
  }
}

/// Blank images: every figure states that there is nothing.
@Suite struct EmptyImageTests {
  @Test func noCandidates() {
    let drawing = ProposalsDrawing(
      backdrop: Backdrop(Small.image), proposals: Small.noProposals, options: Small.proposalOptions)
    for figure in drawing.figures { #expect(figure.figure.draw().width > 100) }
    #expect(drawing.proposalsFigure.caption.contains("No candidate became a proposal"))
    #expect(drawing.clusterFigure.caption.contains("No candidate was suppressed"))
  }

  @Test func noRoIs() {
    let drawing = Small.roi([], .torchvision)
    #expect(drawing.examples.isEmpty)
    for figure in drawing.figures { #expect(figure.figure.draw().width > 100) }
    #expect(drawing.levelsFigure.caption.contains("no proposals"))
    #expect(drawing.featuresFigure.caption.contains("no proposals"))
  }

  @Test func noDetections() {
    let heads = Small.heads([])
    for figure in heads.figures { #expect(figure.figure.draw().width > 100) }
    #expect(heads.suppressionFigure.caption.contains("nothing is detected"))
    let masks = Small.masks([])
    for figure in masks.figures { #expect(figure.figure.draw().width > 100) }
    #expect(masks.overlayFigure.title == "Nothing was detected")
    #expect(masks.figures.allSatisfy { $0.lookFor.isEmpty })
  }

  @Test func nothingButBackground() {
    let heads = Small.heads(Small.boxes, background: true)
    for figure in heads.figures { #expect(figure.figure.draw().width > 100) }
    #expect(heads.deltasFigure.caption.contains("No proposal was taken for an object"))
  }

  @Test func darkObjectness() {
    let dark = Small.levels.map { level in
      var level = level
      level.prediction.objectness = level.prediction.objectness.map { $0 - 20 }
      return level
    }
    let drawing = AnchorsDrawing(backdrop: Backdrop(Small.image), levels: dark)
    for figure in drawing.figures { #expect(figure.figure.draw().width > 100) }
  }

  @Test func oneMaskOutside() {
    let drawing = Small.masks([Box(-60, -60, -30, -30)])
    for figure in drawing.figures { #expect(figure.figure.draw().width > 100) }
  }
}

extension Small {
  static func roi(_ boxes: [Box], _ roiOperator: RoIOperator) -> RoIDrawing {
    let levels = boxes.map { pyramidLevel(of: $0, among: 2...5) }
    let strides = [4, 8, 16, 32]
    let features = RoIPyramid(levels: pyramid, strides: strides).features(
      boxes, bins: 7, operator: roiOperator)
    return RoIDrawing(
      backdrop: Backdrop(image), proposals: boxes,
      scores: boxes.indices.map { 0.9 - Float($0) / 10 }, levels: levels,
      pyramid: RoIPyramid(levels: pyramid, strides: strides), features: features,
      roiOperator: roiOperator, bins: 7)
  }

  /// Three classes; the first RoI is of class 1, the second of class 2, others background.
  static func heads(_ boxes: [Box], background: Bool = false) -> HeadsDrawing {
    let rows: [[Float]] = boxes.indices.map { index in
      if background { return [0.98, 0.01, 0.01] }
      return index == 0 ? [0.1, 0.85, 0.05] : index == 1 ? [0.2, 0.15, 0.65] : [0.97, 0.02, 0.01]
    }
    let scores = Tensor([boxes.count, 3], rows.flatMap { $0 })
    let deltas = Tensor([boxes.count, 12], repeating: 0.4)
    let options = DetectionOptions(
      scoreThreshold: 0.05, minimumSize: 1, nmsThreshold: 0.5, detectionsPerImage: 10)
    let refined = refinedBoxes(boxes, deltas: deltas, width: side, height: side)
    let found = detectionCandidates(scores: scores, refined: refined, options)
    let count = found.kept.count
    let logits = (0..<count).flatMap { _ in
      (0..<3).flatMap { label in mask.values.map { ($0 - 0.5) * Float(4 * label) } }
    }
    return HeadsDrawing(
      backdrop: Backdrop(image), proposals: boxes,
      prediction: BoxPrediction(
        features: Tensor([boxes.count, 1], repeating: 0), classLogits: scores,
        classScores: scores, deltas: deltas),
      found: found, maskFeatures: Tensor([count, 2, 14, 14], repeating: 0.5),
      maskLogits: Tensor([count, 3, 28, 28], logits), maskActivation: .sigmoid,
      classNames: ["__background__", "bright disc", "dull disc"], options: options)
  }

  static func masks(_ boxes: [Box]) -> MasksDrawing {
    let pasted = boxes.map { pasteMask(mask, box: $0, width: side, height: side) }
    return MasksDrawing(
      image: image,
      detections: boxes.indices.map { index in
        Detection(
          box: boxes[index], label: index % 2 + 1, score: 0.95 - Float(index) / 20,
          mask: pasted[index], proposal: index)
      },
      probabilities: Tensor([boxes.count, 28, 28], boxes.flatMap { _ in mask.values }),
      labelMap: Stage6Masks.labelMap(pasted, threshold: 0.5, width: side, height: side),
      classNames: ["__background__", "bright disc", "dull disc"], threshold: 0.5)
  }
}
