import Annotations
import Figures
import Kernels
import Stage0Input
import Stage3Proposals
import Tensors
import TestFixtures
import Testing

@testable import Stage2Anchors
@testable import Stage5Heads
@testable import Stage7Targets
@testable import Stage8Losses

/// Figures of the stages of learning against recorded ones.
@Suite struct LearningSnapshotTests {
  @Test func anchors() throws {
    let drawing = try Small.targets()
    #expect(snapshotFault(drawing.anchorsFigure.draw(), named: "stage7-anchors") == nil)
    #expect(snapshotFault(drawing.bestFigure.draw(), named: "stage7-best-anchors") == nil)
    #expect(snapshotFault(drawing.countsFigure.draw(), named: "stage7-anchors-per-object") == nil)
  }

  @Test func rois() throws {
    let drawing = try Small.targets()
    #expect(snapshotFault(drawing.roisFigure.draw(), named: "stage7-rois") == nil)
    #expect(snapshotFault(drawing.masksFigure.draw(), named: "stage7-mask-targets") == nil)
  }

  @Test func losses() throws {
    let drawing = try Small.losses()
    #expect(snapshotFault(drawing.lossesFigure.draw(), named: "stage8-losses") == nil)
    #expect(snapshotFault(drawing.objectnessFigure.draw(), named: "stage8-objectness") == nil)
    #expect(snapshotFault(drawing.expensiveFigure.draw(), named: "stage8-expensive-rois") == nil)
    #expect(snapshotFault(drawing.masksFigure.draw(), named: "stage8-mask-loss") == nil)
  }

  @Test("an image without objects, and one without proposals: figures say that there is nothing")
  func nothing() throws {
    for proposals in [Small.boxes, []] {
      let targets = try Small.targets(objects: false, proposals: proposals)
      for figure in targets.figures { #expect(figure.figure.draw().width > 100) }
      #expect(targets.anchorsFigure.caption.contains("There are no objects"))
      #expect(targets.masksFigure.caption.contains("no mask to learn"))
      let losses = try Small.losses(objects: false, proposals: proposals)
      for figure in losses.figures { #expect(figure.figure.draw().width > 100) }
      #expect(losses.masksFigure.caption.contains("no mask costs anything"))
    }
  }

  @Test("why a RoI is expensive: the greatest of its three parts")
  func reasons() throws {
    let rows = try Small.losses().expensiveReasons
    #expect(rows.contains { $0.contains("called bright disc at") })
    #expect(rows.contains { $0.contains("of its box is off") })
  }
}

extension Small {
  /// The two discs of `image`; the masks are their pixels.
  static func truth(objects: Bool = true) throws -> ImageTruth {
    guard objects else { return ImageTruth(size: ImageSize(height: side, width: side)) }
    let discs: [(x: Float, y: Float, radius: Float)] = [(32, 36, 18), (66, 62, 12)]
    let masks = discs.flatMap { disc in
      (0..<side * side).map { index -> Float in
        let (x, y) = (Float(index % side) + 0.5, Float(index / side) + 0.5)
        return distance(x, y, disc.x, disc.y) < disc.radius ? 1 : 0
      }
    }
    return try ImageTruth(
      boxes: discs.map {
        Box($0.x - $0.radius, $0.y - $0.radius, $0.x + $0.radius, $0.y + $0.radius)
      }, labels: [1, 2], masks: Tensor([2, side, side], masks))
  }

  /// What stage 7 makes of `levels` and some proposals: every fourth of the anchors is sampled.
  static func targets(
    objects: Bool = true, proposals: [Box] = boxes + boxes.map { $0.shifted(7, -5) }
  ) throws -> TargetsDrawing {
    let truth = try truth(objects: objects)
    var options = TargetOptions.torchvision
    options.anchorsPerImage = 24
    var generator = SeededGenerator(seed: 1)
    let candidates = candidates
    let anchorBoxes = candidates.flatMap(\.anchors)
    let anchors = anchorTargets(
      anchorBoxes, truth: truth, matcher: options.anchors, sampling: options.anchorSampling,
      using: &generator)
    let rois = roiTargets(
      proposals, truth: truth, maskSide: 28, matcher: options.rois, sampling: options.roiSampling,
      using: &generator)
    return TargetsDrawing(
      backdrop: Backdrop(image), truth: truth, boxes: anchorBoxes,
      grids: AnchorGrids(candidates), anchors: anchors, rois: rois,
      classNames: ["__background__", "bright disc", "dull disc"], options: options)
  }

  private static var candidates: [LevelCandidates] {
    levels.map {
      LevelCandidates(
        objectness: $0.prediction.objectness, deltas: $0.prediction.deltas, anchors: $0.anchors)
    }
  }

  /// What stage 8 makes of them with heads that call most RoIs a bright disc and draw a disc.
  static func losses(
    objects: Bool = true, proposals: [Box] = boxes + boxes.map { $0.shifted(7, -5) }
  ) throws -> LossesDrawing {
    let targets = try targets(objects: objects, proposals: proposals)
    let (rois, candidates) = (targets.rois, candidates)
    let count = rois.sampled.count
    let logits = Tensor(
      [count, 3],
      (0..<count).flatMap { roi -> [Float] in roi % 3 == 2 ? [2, 0.5, 0] : [0, 2, 1] })
    let prediction = BoxPrediction(
      features: Tensor([count, 1], repeating: 0), classLogits: logits,
      classScores: softmax(logits), deltas: Tensor([count, 12], repeating: 0.4))
    let masks = Tensor(
      [rois.positives.count, 3, 28, 28],
      rois.positives.flatMap { _ in (0..<3).flatMap { _ in mask.values.map { 6 * $0 - 2 } } })
    return LossesDrawing(
      backdrop: Backdrop(image), padded: ImageSize(height: side, width: side),
      levels: candidates, anchors: targets.anchors, rois: rois, truth: targets.truth,
      losses: TrainingLosses(
        rpn: rpnLosses(
          objectness: candidates.map(\.objectness), deltas: candidates.map(\.deltas),
          targets: [targets.anchors]),
        boxHead: boxHeadLosses(classLogits: logits, deltas: prediction.deltas, targets: [rois]),
        masks: maskLoss(masks, targets: [rois], .sigmoid)),
      boxes: prediction,
      maskProbabilities: maskProbabilities(masks, labels: rois.maskLabels, .sigmoid),
      classNames: targets.classNames)
  }
}

extension Box {
  fileprivate func shifted(_ x: Float, _ y: Float) -> Box {
    Box(x1 + x, y1 + y, x2 + x, y2 + y)
  }
}
