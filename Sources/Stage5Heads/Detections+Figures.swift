import Figures
import Stage3Proposals
import Tensors

extension HeadsDrawing {
  /// What class-wise suppression kept, and how many pairs had which fate.
  var suppressionFigure: Figure {
    let title = "From class scores to detections"
    let threshold = Numerals.short(options.scoreThreshold, digits: 4)
    guard !found.ledger.isEmpty else {
      return Figure(
        title,
        caption: "No proposal has a score over \(threshold) for any class but the background: "
          + "nothing is detected."
      ) { backdrop.view("No detections", [], side: 512) }
    }
    let drawn = Array(
      found.ledger.sorted {
        $0.score > $1.score || ($0.score == $1.score && $0.proposal < $1.proposal)
      }.prefix(Self.mostDrawn))
    let kept = drawn.filter { $0.fate == .kept }
    let suppressed = drawn.filter { $0.fate.name == .suppressed }
    return Figure(
      title,
      caption: "Pairs of proposal and class with a score over \(threshold), the \(drawn.count) "
        + "best drawn. Within a class, a pair whose IoU with one of a higher score is over "
        + "\(Numerals.short(Float(options.nmsThreshold))) is suppressed; at most "
        + "\(options.detectionsPerImage) remain.",
      columns: 2,
      legend: [
        LegendEntry("kept", .green, .line), LegendEntry("suppressed", .orange, .dashed),
      ]
    ) {
      backdrop.view(
        "\(kept.count) kept, \(suppressed.count) suppressed",
        [
          .boxes(kept.map(\.box), Stroke(.green, thickness: 1.5)),
          // Over the others: a suppressed box is close to the one that was kept.
          .boxes(suppressed.map(\.box), Stroke(.orange, thickness: 0.75, dashed: true)),
        ], side: 512)
      Stack {
        fatesChart
        classTable
        if let crowd { closeUp(of: crowd) }
      }
    }
  }

  /// The detection that suppressed most others, and these; of equal ones that with the better
  /// score.
  private var crowd: (winner: DetectionCandidate, suppressed: [DetectionCandidate])? {
    var members: [Int: [DetectionCandidate]] = [:]
    for pair in found.ledger {
      if case .suppressed(let by, _) = pair.fate { members[by, default: []].append(pair) }
    }
    let winner = found.kept.max { (members[$0]?.count ?? 0) < (members[$1]?.count ?? 0) }
    guard let winner, let suppressed = members[winner] else { return nil }
    return (found.ledger[winner], suppressed)
  }

  private func closeUp(of crowd: (winner: DetectionCandidate, suppressed: [DetectionCandidate]))
    -> ImageView
  {
    let boxes = crowd.suppressed.map(\.box)
    let margin = max(crowd.winner.box.width, crowd.winner.box.height) * 0.25 + 4
    return backdrop.view(
      "One that suppressed \(crowd.suppressed.count)",
      [
        .boxes(boxes, Stroke(.orange, thickness: 1, dashed: true)),
        .boxes([crowd.winner.box], Stroke(.green, thickness: 2.5)),
      ],
      region: Box(around: boxes + [crowd.winner.box], margin: margin), side: 300)
  }

  private var fatesChart: Chart {
    Chart.bars(
      [
        bar(.kept, .green), bar(.suppressed, .orange), bar(.tooSmall, .grey),
        bar(.beyondLimit, .blue),
      ], "Fates of \(found.ledger.count) pairs", axis: "pairs of proposal and class")
  }

  private func bar(_ fate: FateName, _ colour: Colour) -> Chart.Bar {
    Chart.Bar(fate.words, Float(found.ledger.count { $0.fate.name == fate }), colour)
  }

  /// The classes with most pairs.
  private var classTable: TablePanel {
    let groups = Dictionary(grouping: found.ledger, by: \.label)
    let labels = groups.keys.sorted { a, b in
      let (first, second) = (groups[a]?.count ?? 0, groups[b]?.count ?? 0)
      return first > second || (first == second && a < b)
    }
    let rows = labels.prefix(12).map { label -> [String] in
      let pairs = groups[label] ?? []
      let kept = pairs.count { $0.fate == .kept }
      let best = pairs.map(\.score).max() ?? 0
      return [
        classNames.shown(label), "\(pairs.count)", "\(kept)", Numerals.short(best, digits: 4),
      ]
    }
    return TablePanel(
      "By class" + (labels.count > 12 ? ", the 12 most frequent of \(labels.count)" : ""),
      header: ["class", "over the threshold", "kept", "best score"], rows: rows)
  }
}
