import Annotations
import Stage0Input
import Tensors
import Tracing

// What stage 7 stores in a trace, written and read.
//
// T objects, A anchors, B candidates (the proposals, then the objects' own boxes), S sampled
// anchors, R sampled RoIs, P positive ones of either, M side of a mask.

extension StageWriter {
  /// Writes the truth.
  func add(_ truth: ImageTruth) throws {
    try add(
      "truth.size", integers: [truth.size.height, truth.size.width], kind: .quantity,
      axes: ["height width"], units: "input pixels",
      note: "of the input without its padding, in which the masks are")
    try add("truth.boxes", boxes: truth.boxes, axis: "T", note: "the objects that there are")
    try add(
      "truth.labels", integers: truth.labels, kind: .category, axes: ["T"], units: "class",
      note: "their classes; 0 would be the background")
    try add(
      "truth.windows",
      integers: truth.masks.map(\.window).flatMap { [$0.x1, $0.y1, $0.x2, $0.y2] },
      shape: [truth.masks.count, 4], kind: .quantity, axes: ["T", "x1 y1 x2 y2"],
      units: "input pixels",
      note: "the part of the input that holds each mask; x2 and y2 are exclusive")
    try add(
      "truth.pixels", flags: truth.masks.flatMap(\.isInside), axes: ["pixels of all windows"],
      units: "1 inside", note: "the masks, window after window, row-major")
  }

  /// Writes what anchors should have become.
  func add(_ anchors: AnchorTargets) throws {
    try add(anchors.matches, of: "anchors", axis: "A", note: "by level, row, column and shape")
    try add(
      "anchors.sampled", integers: anchors.sampled, kind: .category, axes: ["S"],
      units: "anchor", note: "the anchors that the objectness loss is taken over")
    try add(
      "anchors.positives", integers: anchors.positives, kind: .category, axes: ["P"],
      units: "anchor", note: "those of them that are positive: the box loss is taken over them")
    try add(
      "anchors.deltas", anchors.deltas, exactly: true, axes: ["P", "dx dy dw dh"],
      units: "anchor size, logarithm", note: "what makes each positive anchor its object's box")
  }

  /// Writes what proposals should have become.
  func add(_ rois: RoITargets) throws {
    try add(
      "rois.candidates", boxes: rois.candidates, axis: "B",
      note: "the proposals, then the objects' own boxes")
    try add(rois.matches, of: "rois", axis: "B", note: "of each candidate")
    try add(
      "rois.sampled", integers: rois.sampled, kind: .category, axes: ["R"], units: "candidate",
      note: "the candidates that the heads are trained on")
    try add(
      "rois.labels", integers: rois.labels, kind: .category, axes: ["R"], units: "class",
      note: "the class of each sampled RoI, 0 for background")
    try add(
      "rois.positives", integers: rois.positives, kind: .category, axes: ["P"],
      units: "place in the sample", note: "the sampled RoIs that are positive")
    try add(
      "rois.truths", integers: rois.truths, kind: .category, axes: ["P"], units: "object",
      note: "the object of each positive RoI")
    try add(
      "rois.deltas", rois.deltas, exactly: true, axes: ["P", "dx dy dw dh"],
      units: "proposal size, logarithm",
      note: "what makes each positive RoI its object's box, weighted 10 10 5 5")
    try add(
      "rois.masks", rois.masks, exactly: true, axes: ["P", "M", "M"], units: "share",
      note: "what the mask head should draw in each positive RoI")
  }

  private func add(
    _ matches: [Match], of name: String, axis: String, note: String
  ) throws {
    try add(
      "\(name).iou", Tensor([matches.count], matches.map(\.overlap)), exactly: true, axes: [axis],
      units: "IoU", note: "with the object that it overlaps most; \(note)")
    try add(
      "\(name).truth", integers: matches.map { $0.truth ?? -1 }, kind: .category, axes: [axis],
      units: "object", note: "which object that is, -1 where there is none")
    try add(
      "\(name).label", integers: matches.map(\.label.rawValue), kind: .category, axes: [axis],
      units: "label", note: "1 positive, 0 negative, -1 ignored")
    try add(
      "\(name).best", flags: matches.map(\.isBest), axes: [axis], units: "1 yes",
      note: "whether no other overlaps some object more, which makes it positive in any case")
  }
}

extension TargetsStage {
  /// What the stage left: exactly the targets that it computed.
  ///
  /// - Throws: `Fault` if something is missing or damaged, or the parts do not fit each other.
  public static func targets(
    of folder: StageFolder
  ) throws -> (anchors: AnchorTargets, rois: RoITargets, truth: ImageTruth) {
    let truth = try folder.imageTruth()
    return (
      try folder.anchorTargets(objects: truth.boxes.count),
      try folder.roiTargets(objects: truth.boxes.count), truth
    )
  }
}

extension StageFolder {
  fileprivate func targetsFault(_ part: String) -> Fault {
    Fault(
      folder.path, "the tensors of \(part) do not fit each other",
      remedy: "Run the stage targets again")
  }

  fileprivate func imageTruth() throws -> ImageTruth {
    let (corners, pixels) = (try integers("truth.windows"), try integers("truth.pixels"))
    let (boxes, labels) = (try boxes("truth.boxes"), try integers("truth.labels"))
    let size = try integers("truth.size")
    guard size.count == 2, size.allSatisfy({ $0 > 0 }), corners.count == 4 * boxes.count else {
      throw targetsFault("the truth")
    }
    var start = 0
    var masks: [MaskRegion] = []
    for place in stride(from: 0, to: corners.count, by: 4) {
      let window = Window(
        corners[place], corners[place + 1], corners[place + 2], corners[place + 3])
      guard 0 <= window.x1, window.x1 <= window.x2, window.x2 <= size[1], 0 <= window.y1,
        window.y1 <= window.y2, window.y2 <= size[0],
        window.width * window.height <= pixels.count - start
      else { throw targetsFault("the truth") }
      let end = start + window.width * window.height
      masks.append(MaskRegion(window: window, isInside: pixels[start..<end].map { $0 != 0 }))
      start = end
    }
    return try ImageTruth(
      boxes: boxes, labels: labels, masks: masks,
      size: ImageSize(height: size[0], width: size[1]))
  }

  fileprivate func anchorTargets(objects: Int) throws -> AnchorTargets {
    let matches = try matches(of: "anchors", objects: objects)
    let sampled = try integers("anchors.sampled")
    let positives = try integers("anchors.positives")
    let deltas = try tensor("anchors.deltas")
    guard areAscending(sampled, below: matches.count),
      positives == sampled.filter({ matches[$0].label == .positive }),
      deltas.shape == [positives.count, 4]
    else { throw targetsFault("the anchors") }
    return AnchorTargets(
      matches: matches, sampled: sampled, positives: positives, deltas: deltas)
  }

  fileprivate func roiTargets(objects: Int) throws -> RoITargets {
    let candidates = try boxes("rois.candidates")
    let matches = try matches(of: "rois", objects: objects)
    let sampled = try integers("rois.sampled")
    let (labels, positives) = (try integers("rois.labels"), try integers("rois.positives"))
    let truths = try integers("rois.truths")
    let (deltas, masks) = (try tensor("rois.deltas"), try tensor("rois.masks"))
    guard matches.count == candidates.count, areAscending(sampled, below: candidates.count),
      labels.count == sampled.count, labels.allSatisfy({ $0 >= 0 }),
      positives == labels.indices.filter({ labels[$0] > 0 }), truths.count == positives.count,
      truths.allSatisfy((0..<objects).contains), deltas.shape == [positives.count, 4],
      masks.shape.rank == 3, masks.shape[0] == positives.count, masks.shape[1] == masks.shape[2]
    else { throw targetsFault("the RoIs") }
    return RoITargets(
      candidates: candidates, matches: matches, sampled: sampled, labels: labels,
      positives: positives, truths: truths, deltas: deltas, masks: masks)
  }

  private func matches(of name: String, objects: Int) throws -> [Match] {
    let overlaps = try tensor("\(name).iou").values
    let (truths, labels) = (try integers("\(name).truth"), try integers("\(name).label"))
    let best = try integers("\(name).best")
    let known = labels.compactMap(MatchLabel.init)
    guard truths.count == overlaps.count, known.count == overlaps.count,
      best.count == overlaps.count, truths.allSatisfy((-1..<objects).contains)
    else { throw targetsFault(name) }
    return overlaps.indices.map { index in
      Match(
        truth: truths[index] < 0 ? nil : truths[index], overlap: overlaps[index],
        label: known[index], isBest: best[index] != 0)
    }
  }
}

private func areAscending(_ indices: [Int], below count: Int) -> Bool {
  indices.allSatisfy((0..<count).contains) && zip(indices, indices.dropFirst()).allSatisfy(<)
}
