import Stage7Targets
import Stage8Losses
import Stage9Gradients
import Tensors
import Tracing

/// What the stages 7 to 9 stored of each carried candidate's anchor, and of each proposal.
///
/// - `learning/anchors`, `[candidates, 3]`: the object that the anchor overlaps most (or -1), its
///   label (1 positive, 0 negative, -1 ignored), whether it is the best anchor of an object and
///   whether it is sampled, as 2 best + sampled;
/// - `learning/anchor-values`, `[candidates, 3]`: the IoU, and what the anchor adds to the
///   objectness and to the RPN box loss;
/// - `learning/rois`, `[proposals, 4]`: the object, the label, the place in the sample (or -1) and
///   the class;
/// - `learning/roi-values`, `[proposals, 5]`: the IoU, what the RoI adds to the class, box and mask
///   loss, and the norm of the gradient at what the box head reads.
struct LearningContent: Encodable {
  let objects: Int
  let anchorsSampled: Int
  let roisSampled: Int
  /// IoU from which, and below which, an anchor is positive and negative; the same for proposals.
  let anchorThresholds: [Float]
  let roiThresholds: [Float]
  let classNames: [String]
  /// The sum of the five losses; nil where stage 8 did not run.
  let total: Float?
  /// Which loss the gradients are of; nil where stage 9 did not run.
  let gradientOf: String?

  /// Adds them; nil where stage 7 did not run.
  ///
  /// - Parameter candidates: the anchors that the page carries
  static func gather(
    _ source: PageSource, candidates: [Int], _ data: inout PageData
  ) throws -> LearningContent? {
    guard
      source.has(
        TargetsStage.name, "truth.pixels", "anchors.iou", "anchors.deltas", "rois.candidates",
        "rois.iou", "rois.deltas", "rois.masks")
    else { return nil }
    let folder = try source.trace.stage(TargetsStage.name)
    let targets = try TargetsStage.targets(of: folder)
    let options = try TargetOptions(folder)
    guard candidates.allSatisfy(targets.anchors.matches.indices.contains) else { return nil }
    let losses =
      source.has(LossesStage.name, "divisors", "loss_objectness", "loss_rpn_box_reg", "loss_mask")
      ? try LossesStage.losses(of: source.trace.stage(LossesStage.name)) : nil
    addAnchors(targets.anchors, losses, candidates, &data)
    let gradient =
      source.has(GradientsStage.name, "dbox_features")
      ? try source.trace.stage(GradientsStage.name) : nil
    addRoIs(
      targets.rois, losses, proposals: try source.proposalCount(),
      norms: try gradient.map { try norms($0.tensor("dbox_features")) } ?? [], &data)
    return LearningContent(
      objects: targets.truth.boxes.count, anchorsSampled: targets.anchors.sampled.count,
      roisSampled: targets.rois.sampled.count,
      anchorThresholds: [options.anchors.positiveThreshold, options.anchors.negativeThreshold],
      roiThresholds: [options.rois.positiveThreshold, options.rois.negativeThreshold],
      classNames: folder.record.options["classNames"]?.texts ?? [], total: losses?.total,
      gradientOf: gradient?.record.options["of"]?.description)
  }

  private static func addAnchors(
    _ targets: AnchorTargets, _ losses: TrainingLosses?, _ candidates: [Int],
    _ data: inout PageData
  ) {
    let sampled = Dictionary(
      uniqueKeysWithValues: targets.sampled.enumerated().map { ($0.element, $0.offset) })
    let positive = Dictionary(
      uniqueKeysWithValues: targets.positives.enumerated().map { ($0.element, $0.offset) })
    var numbers: [Int] = []
    var values: [Float] = []
    for index in candidates {
      let match = targets.matches[index]
      numbers += [
        match.truth ?? -1, match.label.rawValue,
        (match.isBest ? 2 : 0) + (sampled[index] == nil ? 0 : 1),
      ]
      func share(_ loss: Loss?, _ range: Range<Int>?) -> Float {
        guard let loss, let range, loss.divisor > 0, range.upperBound <= loss.elements.count else {
          return 0
        }
        return loss.elements.values[range].reduce(0, +) / Float(loss.divisor)
      }
      values += [
        match.overlap, share(losses?.rpn.objectness, sampled[index].map { $0..<$0 + 1 }),
        share(losses?.rpn.boxes, positive[index].map { 4 * $0..<4 * $0 + 4 }),
      ]
    }
    data.add("learning/anchors", integers: numbers, shape: [candidates.count, 3])
    data.add("learning/anchor-values", Tensor([candidates.count, 3], values), as: .float32)
  }

  private static func addRoIs(
    _ targets: RoITargets, _ losses: TrainingLosses?, proposals: Int, norms: [Float],
    _ data: inout PageData
  ) {
    let sampled = Dictionary(
      uniqueKeysWithValues: targets.sampled.enumerated().map { ($0.element, $0.offset) })
    let parts = losses.flatMap { losses in
      losses.boxHead.classes.elements.count == targets.sampled.count
        && losses.masks.elements.shape[0] == targets.positives.count
        ? RoILosses(losses, targets) : nil
    }
    // The objects' own boxes are behind the proposals.
    let count = min(proposals, targets.matches.count)
    var numbers: [Int] = []
    var values: [Float] = []
    for proposal in 0..<count {
      let match = targets.matches[proposal]
      let roi = sampled[proposal]
      numbers += [
        match.truth ?? -1, match.label.rawValue, roi ?? -1, roi.map { targets.labels[$0] } ?? 0,
      ]
      let losses = roi.flatMap { roi in
        parts.map { [$0.classes[roi], $0.boxes[roi] ?? 0, $0.masks[roi] ?? 0] }
      }
      values += [match.overlap] + (losses ?? [0, 0, 0])
      values.append(roi.flatMap { norms.indices.contains($0) ? norms[$0] : nil } ?? 0)
    }
    data.add("learning/rois", integers: numbers, shape: [count, 4])
    data.add("learning/roi-values", Tensor([count, 5], values), as: .float32)
  }

  /// The L2 norm of each RoI's gradient.
  ///
  /// - Parameter gradient: `[R, C, Y, X]`
  private static func norms(_ gradient: Tensor) -> [Float] {
    (0..<gradient.shape[0]).map { norm(gradient.slice($0).values) }
  }
}
