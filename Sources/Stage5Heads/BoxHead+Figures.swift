import Foundation
import Figures
import Stage3Proposals
import Tensors

extension HeadsDrawing {
  /// Scores by class of some proposals from the best to the last, and which class wins how often.
  var scoresFigure: Figure {
    let title = "Class scores: what is in each proposal?"
    guard !proposals.isEmpty else {
      return Figure(title, caption: "There are no proposals, so nothing is classified.") {
        backdrop.view("No proposals", [], side: 512)
      }
    }
    let count = min(20, proposals.count)
    let shown = (0..<count).map { $0 * (proposals.count - 1) / max(count - 1, 1) }
    let columns = shownClasses
    let values = shown.flatMap { proposal in columns.map { score(proposal, $0) } }
    let winners = proposals.indices.map(best)
    let marked = shown.enumerated().compactMap { row, proposal in
      columns.firstIndex(of: winners[proposal]).map { (row: row, column: $0) }
    }
    let hidden = classes - columns.count
    return Figure(
      title,
      caption: "Softmax over \(classes) classes, so that a row sums to 1; the frame marks the "
        + "winner. \(count) of \(proposals.count) proposals, evenly spread from the best "
        + "objectness to the last."
        + (hidden > 0
          ? " Only the background and the \(columns.count - 1) classes with the highest score "
            + "anywhere are shown, \(hidden) are not." : ""),
      columns: 2
    ) {
      HeatTable(
        Tensor([count, columns.count], values), "Probability",
        rows: shown.map { "proposal \($0)" }, columns: columns.map(classNames.shown), scale: .share,
        marked: marked)
      winnersChart(winners)
    }
  }

  /// How many proposals each class wins, the twelve most frequent.
  private func winnersChart(_ winners: [Int]) -> Chart {
    var counts: [Int: Int] = [:]
    for label in winners { counts[label, default: 0] += 1 }
    let ranked = counts.sorted { $0.value > $1.value || ($0.value == $1.value && $0.key < $1.key) }
    let bars = ranked.prefix(12).map { entry in
      Chart.Bar(classNames.shown(entry.key), Float(entry.value), entry.key == 0 ? .grey : .blue)
    }
    return Chart.bars(bars, "Proposals by winning class", axis: "proposals")
  }

  /// The background, and those six classes that have the highest score anywhere.
  private var shownClasses: [Int] {
    guard classes > 7 else { return Array(0..<classes) }
    let peaks: [Float] = (0..<classes).map { label in
      proposals.indices.map { score($0, label) }.max() ?? 0
    }
    let ranked = (1..<classes).sorted { a, b in
      peaks[a] > peaks[b] || (peaks[a] == peaks[b] && a < b)
    }
    return [0] + ranked.prefix(6).sorted()
  }

  /// How proposals that are no background are moved and resized.
  var deltasFigure: Figure {
    let title = "Box deltas: how proposals are corrected"
    let objects = proposals.indices.map { ($0, best($0)) }.filter { $0.1 > 0 }
    guard !objects.isEmpty else {
      return Figure(title, caption: "No proposal was taken for an object.") {
        TextPanel("Nothing to correct", lines: ["Every proposal is background, or there is none."])
      }
    }
    let weights = BoxCoder.detections.weights
    func deltas(_ coordinate: Int, _ transform: (Float) -> Float) -> Tensor {
      Tensor(
        [objects.count],
        objects.map { proposal, label in
          transform(prediction.deltas.values[(proposal * classes + label) * 4 + coordinate])
        })
    }
    return Figure(
      title,
      caption: "The \(objects.count) proposals whose best class is an object, with that class's "
        + "deltas, freed of their weights 10 10 5 5: shifts in proposal sizes, factors after exp.",
      columns: 2
    ) {
      histogram(deltas(0) { $0 / weights.x }, "Shift to the right", "widths of the proposal")
      histogram(deltas(1) { $0 / weights.y }, "Shift downward", "heights of the proposal")
      histogram(deltas(2) { exp($0 / weights.width) }, "Width", "factor")
      histogram(deltas(3) { exp($0 / weights.height) }, "Height", "factor")
    }
  }

  private func histogram(_ values: Tensor, _ title: String, _ axis: String) -> Chart {
    var chart = Chart.histogram(values, title, axis: axis)
    chart.height = 150
    return chart
  }

  /// Proposals and what became of them, all and the one that changed most.
  var refinementFigure: Figure {
    let title = "Refinement: from the proposal to the detection"
    let drawn = Array(found.detected.prefix(60))
    func overlap(_ detection: DetectionCandidate) -> Float {
      proposals[detection.proposal].intersectionOverUnion(detection.box)
    }
    guard let moved = drawn.min(by: { overlap($0) < overlap($1) }) else {
      return Figure(title, caption: "There are no detections.") {
        backdrop.view("No detections", [], side: 512)
      }
    }
    let from = proposals[moved.proposal]
    let margin = max(from.width, from.height, moved.box.width, moved.box.height) * 0.35 + 4
    let region = Box(
      min(from.x1, moved.box.x1) - margin, min(from.y1, moved.box.y1) - margin,
      max(from.x2, moved.box.x2) + margin, max(from.y2, moved.box.y2) + margin)
    func centre(_ box: Box) -> Point { Point((box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2) }
    return Figure(
      title,
      caption: "The \(drawn.count) best of \(found.kept.count) detections: the proposal each came "
        + "from, and the proposal moved by its class's deltas. Right, the one of them that "
        + "changed most (least IoU with its proposal).",
      columns: 2,
      legend: [
        LegendEntry("proposal", .orange, .dashed), LegendEntry("detection", .green, .line),
        LegendEntry("shift of the centre", .yellow, .line),
      ]
    ) {
      backdrop.view(
        "\(drawn.count) detections",
        [
          .boxes(drawn.map(\.box), Stroke(.green, thickness: 2)),
          .boxes(
            drawn.map { proposals[$0.proposal] }, Stroke(.orange, thickness: 1, dashed: true)),
        ], side: 512)
      backdrop.view(
        "\(classNames.shown(moved.label)) \(Numerals.probability(moved.score, digits: 2)): IoU "
          + Numerals.short(overlap(moved), digits: 2),
        [
          .box(from, label: "proposal", Stroke(.orange, thickness: 2, dashed: true)),
          .box(moved.box, label: "detection", Stroke(.green, thickness: 2.5)),
          .arrows([(centre(from), centre(moved.box))], Stroke(.yellow, thickness: 2)),
        ], region: region, side: 480)
    }
  }
}
