import Figures
import Model
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing

extension Exhibit {
  /// The image with every object that was found; the reader chooses the one that all exhibits show.
  static let overview = Exhibit(
    name: "overview", uses: ["shared/scene"], stage: MasksStage.name, title: "Objects found",
    lead: "", isOpening: true
  ) { source, data in
    guard let objects = try source.objects(), let map = try source.shownLabelMap() else {
      return nil
    }
    data.add("overview/label-map", integers: map.values, shape: [map.height, map.width])
    return OverviewContent(
      colours: objects.scores.indices.map {
        let colour = Palette.instance($0)
        return [colour.red, colour.green, colour.blue]
      })
  }
}

private struct OverviewContent: Encodable {
  /// The colour of each object.
  let colours: [[UInt8]]
}

/// The detections, by descending score, and where each came from.
struct PageObjects: Encodable {
  /// `x1 y1 x2 y2` in image pixels.
  let boxes: [[Float]]
  let scores: [Float]
  let labels: [Int]
  /// Background first.
  let classNames: [String]
  /// The proposal of each.
  let proposals: [Int]
  /// The anchor that became the proposal.
  let candidates: [Int]
  /// So many are shown as results: those with the highest scores.
  let shown: Int
}

extension PageSource {
  /// The detections; nil where the trace has none, or not all that led to them.
  func objects() throws -> PageObjects? {
    guard isCurrent(MasksStage.name), has(HeadsStage.name, "scores", "labels", "proposal"),
      has(MasksStage.name, "boxes"), has("3-proposals", "proposal_index")
    else { return nil }
    let heads = try trace.stage(HeadsStage.name)
    let boxes = try trace.stage(MasksStage.name).boxes("boxes")
    let scores = try heads.tensor("scores").values
    let labels = try heads.integers("labels")
    let proposals = try heads.integers("proposal")
    let candidates = try trace.stage("3-proposals").integers("proposal_index")
    guard !boxes.isEmpty, scores.count == boxes.count, labels.count == boxes.count,
      proposals.count == boxes.count, proposals.allSatisfy(candidates.indices.contains)
    else { return nil }
    let names = heads.record.options["classNames"]?.texts ?? []
    return PageObjects(
      boxes: boxes.map { [$0.x1, $0.y1, $0.x2, $0.y2] }, scores: scores, labels: labels,
      classNames: (0...(labels.max() ?? 0)).map(names.shown), proposals: proposals,
      candidates: proposals.map { candidates[$0] }, shown: Overlay.shown(scores).count)
  }

  /// Which object each image pixel belongs to; nil where the trace does not hold it, or it is stale.
  func shownLabelMap() throws -> (values: [Int], width: Int, height: Int)? {
    guard isCurrent(MasksStage.name) else { return nil }
    return try labelMapOfShown(trace)
  }
}
