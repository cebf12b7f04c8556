import Foundation
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing

extension Exhibit {
  /// Every detection's mask, from the logits of each class to the pixels of the image.
  static let masks = Exhibit(
    name: "masks", uses: ["shared/scene", "masks/paste", "biography/heads"],
    stage: "6-masks",
    title: "Masks, from 28 × 28 logits to an outline",
    lead: """
      Every detection with the outline of its mask. Choose one to see what the mask head predicted \
      for each class, and how its 28 × 28 numbers become image pixels, step by step.
      """
  ) { source, data in
    try MasksContent.gather(source, &data)
  }
}

/// What the masks' script is given besides the arrays `masks/…`:
///
/// - `boxes` `[D, 4]` in pixels of the image, `scores` and `labels` `[D]`, D detections carried;
/// - `classes` `[D, S]`: the classes whose masks are carried, in the order of the classes;
/// - `own` `[D, M, M]`: the logits of the detection's class;
/// - `others` `[D, S - 1, M, M]`: those of the other classes.
struct MasksContent: Encodable {
  /// Background first.
  let classNames: [String]
  /// Classes there are.
  let classes: Int
  /// Detections there are.
  let detections: Int
  /// M
  let cells: Int
  let threshold: Double

  /// Nil where stage 5 or 6 did not run.
  static func gather(_ source: PageSource, _ data: inout PageData) throws -> MasksContent? {
    guard let heads = try HeadsTensors(source), source.has("5-heads", "mask_logits", "scores"),
      source.isCurrent("6-masks"), source.has("6-masks", "boxes")
    else { return nil }
    let logits = try source.trace.stage("5-heads").tensor("mask_logits")  // [D, K, M, M]
    let scores = try source.trace.stage("5-heads").tensor("scores").values
    let stage = try source.trace.stage("6-masks")
    let boxes = try stage.tensor("boxes")  // [D, 4]
    let detections = heads.detections.map { heads.ledger[$0] }
    guard logits.shape.rank == 4, logits.shape[0] == detections.count,
      logits.shape[1] == heads.classes, logits.shape[2] == logits.shape[3],
      scores.count == detections.count, boxes.count == 4 * detections.count
    else { return nil }
    let options = try MaskOptions(stage)

    let (count, cells) = (min(detections.count, PageMasks.most), logits.shape[2])
    let shown = detections.prefix(count).map { detection in
      PageMasks.classes(heads, detection, most: PageMasks.classes(of: heads.classes, count))
    }
    let slots = shown.first?.count ?? 0
    func mask(_ detection: Int, _ label: Int) -> ArraySlice<Float> {
      let first = (detection * heads.classes + label) * cells * cells
      return logits.values[first..<first + cells * cells]
    }
    let own = (0..<count).flatMap { mask($0, detections[$0].label) }
    let others = (0..<count).flatMap { detection in
      shown[detection].filter { $0 != detections[detection].label }
        .flatMap { mask(detection, $0) }
    }
    data.add("masks/boxes", Tensor([count, 4], Array(boxes.values[..<(4 * count)])), as: .float32)
    data.add("masks/scores", Tensor([count], Array(scores[..<count])), as: .float32)
    data.add(
      "masks/labels", integers: detections.prefix(count).map(\.label), shape: [count])
    data.add("masks/classes", integers: shown.flatMap { $0 }, shape: [count, slots])
    data.add(
      "masks/own",
      Tensor([count, cells, cells], own.map { $0.rounded(bits: PageMasks.ownBits) }),
      as: .float32)
    data.add(
      "masks/others",
      Tensor(
        [count, max(slots - 1, 0), cells, cells],
        others.map { $0.rounded(bits: PageMasks.otherBits) }), as: .float16)
    return MasksContent(
      classNames: heads.options["classNames"]?.texts ?? [], classes: heads.classes,
      detections: detections.count, cells: cells,
      threshold: Double(options.threshold))
  }
}

/// How much of the masks a page carries.
private enum PageMasks {
  /// So many detections at most.
  static let most = 200
  /// So many classes of one at most.
  static let mostClasses = 6
  /// So many masks of other classes than the detection's, in all.
  static let mostOthers = 600
  /// Significant bits of the logits that masks are pasted from: an error under 1e-5 in the
  /// probability, and two thirds of the bytes.
  static let ownBits = 16
  /// Significant bits of those that are only looked at.
  static let otherBits = 9

  /// How many classes of each of `count` detections.
  static func classes(of all: Int, _ count: Int) -> Int {
    min(all, mostClasses, 1 + max(1, mostOthers / max(count, 1)))
  }

  /// The detection's class and those with the next highest scores for its proposal, the background
  /// too, in the order of the classes.
  static func classes(
    _ heads: HeadsTensors, _ detection: DetectionCandidate, most: Int
  ) -> [Int] {
    let row = detection.proposal * heads.classes
    let others = (0..<heads.classes).filter { $0 != detection.label }.sorted { a, b in
      let (left, right) = (heads.scores.values[row + a], heads.scores.values[row + b])
      return left > right || (left == right && a < b)
    }
    return ([detection.label] + others.prefix(most - 1)).sorted()
  }
}

extension Float {
  /// The nearest number with so many significant bits, 1 to 23; the rest of its bytes are zeros,
  /// which compress well.
  func rounded(bits: Int) -> Float {
    guard isFinite, self != 0 else { return self }
    let spare = UInt32(24 - bits)
    let half = UInt32(1) << (spare - 1)
    return Float(bitPattern: (bitPattern &+ half) & ~(2 * half - 1))
  }
}
