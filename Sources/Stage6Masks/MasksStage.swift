import Annotations
import Foundation
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

  /// A pixel belongs to an object if its probability is greater.
  public var threshold: Float

  /// Makes the stage; the default threshold is the paper's.
  public init(threshold: Float = 0.5) {
    self.threshold = threshold
  }

  /// What `stage.json` records of the options.
  public static var recordedOptions: [RecordedOption<Self>] {
    [RecordedOption("threshold", \.threshold)]
  }

  /// Reads 0-input and 5-heads; writes `soft`, `label_map` and `detections.json`.
  public func run(_ folder: StageWriter) throws {
    let input = try folder.read("0-input")
    let sizes = try InputSizes(input)
    let image = sizes.original
    let heads = try folder.read("5-heads")
    let classNames = heads.classNames
    let labels = try heads.integers("labels")
    let scored = try heads.tensor("scores")
    let scores = scored.values
    let logits = try heads.tensor("mask_logits")  // [D, K, M, M]
    let detected = try heads.boxes("boxes", inside: sizes.resized)
    guard logits.shape.rank == 4, logits.shape[0] == labels.count, scores.count == labels.count,
      detected.count == labels.count, logits.shape[2] == logits.shape[3],
      labels.allSatisfy({ $0 >= 0 && $0 < logits.shape[1] }), scored.isFinite
    else {
      throw Fault(
        heads.folder.path,
        "\(labels.count) labels, \(scores.count) scores, \(detected.count) "
          + "boxes and mask logits \(logits.shape) do not fit each other, or a score is no number",
        remedy: "Run the stage heads again")
    }

    folder.report("pasting \(labels.count) masks")
    let boxes = detected.map(sizes.inOriginal)
    let probabilities = maskProbabilities(logits, labels: labels)  // [D, M, M]
    let masks = pasteMasks(
      probabilities, boxes: boxes, width: image.width, height: image.height)
    let map = labelMap(
      masks, threshold: threshold, width: image.width, height: image.height)

    try folder.add(
      "boxes", boxes: boxes, axis: "D", note: "detections, in pixels of the original image")
    try folder.add(
      "probabilities", probabilities, axes: ["D", "M", "M"], units: "probability",
      note: "sigmoid of the own class's logits")
    try folder.add(
      "windows",
      integers: masks.flatMap { [$0.window.x1, $0.window.y1, $0.window.x2, $0.window.y2] },
      shape: [masks.count, 4], axes: ["D", "x1 y1 x2 y2"], units: "pixel",
      note: "where each mask was pasted")
    let soft = masks.flatMap(\.probabilities)
    try folder.add(
      "soft", Tensor([soft.count], soft), axes: ["pixels of all windows"], units: "probability",
      note: "the pasted masks, window after window, row-major")
    try folder.add(
      "areas", integers: masks.map { $0.binary(threshold: threshold).count { $0 } }, axes: ["D"],
      units: "pixel", note: "pixels over the threshold")
    try folder.add(
      "label_map", integers: map, shape: [image.height, image.width], axes: ["H", "W"],
      units: "detection", note: "0 for the background, i + 1 for detection i")
    let results = masks.indices.map { index in
      COCOResult(
        box: boxes[index], label: labels[index],
        name: classNames.indices.contains(labels[index]) ? classNames[labels[index]] : "",
        score: scores[index], mask: masks[index], threshold: threshold, image: image)
    }
    try folder.addFile(
      "detections.json", try COCOResult.encode(results),
      caption: "The detections as COCO results, masks run-length encoded")
    guard folder.drawsFigures else { return }
    try folder.add(
      MasksDrawing(
        image: input.imageAsDecoded(), boxes: boxes, scores: scores, labels: labels,
        probabilities: probabilities, masks: masks, labelMap: map, classNames: classNames,
        threshold: threshold
      ).figures)
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

  /// The class names that stage 5 recorded, background first.
  var classNames: [String] {
    if case .texts(let names)? = record.options["classNames"] { names } else { [] }
  }
}

/// One detection in COCO's results format.
struct COCOResult: Codable, Sendable, Equatable {
  /// A mask as run lengths.
  struct Segmentation: Codable, Sendable, Equatable {
    /// Height and width of the image.
    var size: [Int]
    /// The runs in COCO's text form.
    var counts: String
  }

  enum CodingKeys: String, CodingKey {
    case image = "image_id"
    case label = "category_id"
    case name = "category_name"
    case score, bbox, segmentation
  }

  var image = 0
  var label: Int
  var name: String
  var score: Float
  /// x, y, width, height.
  var bbox: [Float]
  var segmentation: Segmentation

  init(
    box: Box, label: Int, name: String, score: Float, mask: PastedMask, threshold: Float,
    image: ImageSize
  ) {
    self.label = label
    self.name = name
    self.score = score
    bbox = [box.x1, box.y1, box.width, box.height]
    let runs = RunLengthEncoding(
      mask.binary(threshold: threshold), in: mask.window, width: image.width,
      height: image.height)
    segmentation = Segmentation(size: [runs.height, runs.width], counts: runs.counts)
  }

  static func encode(_ results: [COCOResult]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(results)) + [0x0a]
  }
}
