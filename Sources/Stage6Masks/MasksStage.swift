import Annotations
import Foundation
import Model
import Stage0Input
import Stage5Heads
import Tensors
import Tracing

/// Stage 6 in a trace: detections and their masks back in the image.
public struct MasksStage: Stage {
  /// The folder in a trace.
  public static let name = "6-masks"
  /// What the stage computes.
  public static let title = "Boxes and masks in the image's own pixels."

  /// Which pixels belong to a mask.
  public var options: MaskOptions

  /// Makes the stage; the default threshold is the paper's.
  public init(_ options: MaskOptions = .torchvision) { self.options = options }

  /// The detections.
  public static let inputs = ["boxes", "scores", "labels", "mask_logits"].map {
    StageInput(HeadsStage.name, $0)
  }

  /// Reads 0-input and 5-heads; writes `soft`, `label_map` and `detections.json`.
  public func run(_ folder: StageWriter) throws {
    let input = try folder.read("0-input")
    let sizes = try InputSizes(input)
    let image = sizes.original
    let threshold = options.threshold
    let heads = try folder.read("5-heads")
    let classNames = heads.classNames
    let labels = try heads.integers("labels")
    let scored = try heads.tensor("scores")
    let scores = scored.values
    let proposals = try heads.integers("proposal")
    let logits = try heads.tensor("mask_logits")  // [D, K, M, M]
    let detected = try heads.boxes("boxes", inside: sizes.resized)
    guard logits.shape.rank == 4, logits.shape[0] == labels.count, scores.count == labels.count,
      detected.count == labels.count, proposals.count == labels.count,
      logits.shape[2] == logits.shape[3],
      labels.allSatisfy({ $0 >= 0 && $0 < logits.shape[1] }), scored.isFinite
    else {
      throw Fault(
        heads.folder.path,
        "\(labels.count) labels, \(scores.count) scores, \(detected.count) "
          + "boxes and mask logits \(logits.shape) do not fit each other, or a score is no number",
        remedy: "Run the stage heads again")
    }

    folder.report("pasting \(labels.count) masks")
    let probabilities = maskProbabilities(
      logits, labels: labels, heads.maskActivation)  // [D, M, M]
    let detections = pastedDetections(
      labels.indices.map { index in
        DetectionCandidate(
          proposal: proposals[index], label: labels[index], score: scores[index],
          box: detected[index], fate: .kept)
      }, probabilities, sizes)
    let masks = detections.map(\.mask)
    let map = labelMap(
      masks, threshold: threshold, width: image.width, height: image.height)

    try folder.add(
      "boxes", boxes: detections.map(\.box), axis: "D", units: "image pixels",
      note: "detections, by descending score")
    try folder.add(
      "probabilities", probabilities, axes: ["D", "M", "M"], units: "probability",
      note: "\(heads.maskActivation.rawValue) of the own class's logits")
    try folder.add(
      "windows",
      integers: masks.flatMap { [$0.window.x1, $0.window.y1, $0.window.x2, $0.window.y2] },
      shape: [masks.count, 4], kind: .quantity, axes: ["D", "x1 y1 x2 y2"], units: "image pixels",
      note: "where each mask was pasted; x2 and y2 are exclusive")
    let soft = masks.flatMap(\.probabilities)
    try folder.add(
      "soft", Tensor([soft.count], soft), axes: ["pixels of all windows"], units: "probability",
      note: "the pasted masks, window after window, row-major")
    try folder.add(
      "areas", integers: masks.map { $0.binary(threshold: threshold).count { $0 } },
      kind: .quantity, axes: ["D"], units: "image pixels", note: "pixels over the threshold")
    try folder.add(
      "label_map", integers: map, shape: [image.height, image.width], kind: .category,
      axes: ["H", "W"], units: "detection", note: "0 for the background, i + 1 for detection i")
    let results = detections.map {
      COCOResult(
        $0, imageID: options.imageID, classNames: classNames, categoryIDs: heads.categoryIDs,
        threshold: threshold, image: image)
    }
    try folder.addFile(
      "detections.json", try COCOResult.encode(results),
      caption: "The detections as COCO results, masks run-length encoded")
    guard folder.drawsFigures else { return }
    try folder.add(
      MasksDrawing(
        image: input.imageAsDecoded(), detections: detections, probabilities: probabilities,
        labelMap: map, classNames: classNames, threshold: threshold
      ).figures)
  }
}

extension MasksStage {
  /// How many masks there are in an image of which size.
  public static func outcome(_ folder: StageFolder) -> String {
    "\(folder.count("boxes")) masks in an image \(folder.shape("label_map"))"
  }
}

extension StageFolder {
  /// The masks that stage 6 pasted.
  ///
  /// - Throws: `Fault` if they are missing or damaged.
  public func pastedMasks(in image: ImageSize) throws -> [PastedMask] {
    let corners = try integers("windows")
    let soft = try tensor("soft").values
    var start = 0
    return try stride(from: 0, to: corners.count - 3, by: 4).map { place in
      let window = Window(
        corners[place], corners[place + 1], corners[place + 2], corners[place + 3])
      let isInside =
        0 <= window.x1 && window.x1 <= window.x2 && window.x2 <= image.width
        && 0 <= window.y1 && window.y1 <= window.y2 && window.y2 <= image.height
      guard isInside, window.width * window.height <= soft.count - start else {
        throw Fault(
          folder.path,
          "a mask's window lies outside the image or holds more pixels than there are",
          remedy: "Run the stage masks again")
      }
      defer { start += window.width * window.height }
      return PastedMask(
        window: window,
        probabilities: Array(soft[start..<start + window.width * window.height]))
    }
  }

  /// The detections of a trace: what the stages 5 and 6 left together.
  ///
  /// - Parameters:
  ///   - heads: the folder of stage 5, which has the classes and the scores
  ///   - image: the size of the image as decoded
  /// - Throws: `Fault` if they are missing or damaged, or do not fit each other.
  public func detections(_ heads: StageFolder, in image: ImageSize) throws -> [Detection] {
    let (boxes, masks) = (try boxes("boxes"), try pastedMasks(in: image))
    let (labels, scores) = (try heads.integers("labels"), try heads.tensor("scores").values)
    let proposals = try heads.integers("proposal")
    guard boxes.count == masks.count, labels.count == masks.count, scores.count == masks.count,
      proposals.count == masks.count
    else {
      throw Fault(
        folder.path, "the masks do not fit the \(labels.count) detections",
        remedy: "Run the stages heads and masks again")
    }
    return masks.indices.map { index in
      Detection(
        box: boxes[index], label: labels[index], score: scores[index], mask: masks[index],
        proposal: proposals[index])
    }
  }

  /// The class names that stage 5 recorded, background first.
  var classNames: [String] {
    if case .texts(let names)? = record.options["classNames"] { names } else { [] }
  }

  /// How mask logits become probabilities, as stage 5 recorded it.
  var maskActivation: MaskActivation {
    guard case .text(let word)? = record.options["maskActivation"] else { return .sigmoid }
    return MaskActivation(rawValue: word) ?? .sigmoid
  }

  /// The classes' numbers that stage 5 recorded, background first; empty where it recorded none.
  var categoryIDs: [Int] { record.options["categoryIDs"]?.numbers?.map { Int($0) } ?? [] }
}
