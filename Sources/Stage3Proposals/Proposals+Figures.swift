import Kernels
import Figures
import Stage0Input
import Tensors

/// What stage 3 draws from.
struct ProposalsDrawing: Sendable {
  var backdrop: Backdrop
  var proposals: Proposals
  var options: ProposalOptions

  /// So many candidates are drawn over the image; more would hide it.
  static let mostDrawn = 150

  var figures: [StageFigure] {
    [
      StageFigure(
        "candidates",
        lookFor: "bundles of nearly equal boxes around each object on the left; on the right one "
          + "green box is left of each bundle, or two where the level or the overlap differs.",
        isEmpty: proposals.considered.isEmpty
      ) { candidatesFigure },
      StageFigure(
        "cluster",
        lookFor: "how much the suppressed boxes overlap the kept one. A box is suppressed by one "
          + "with a higher score, which need not fit the object better.",
        isEmpty: proposals.considered.isEmpty
      ) { clusterFigure },
      StageFigure(
        "fates",
        lookFor: "the step at which most candidates of a level are lost, and levels that have "
          + "fewer anchors than places to fill.",
        isEmpty: proposals.considered.isEmpty
      ) { fatesFigure },
      StageFigure(
        "proposals",
        lookFor: "objects without any box: no later stage can find them. Boxes on background do "
          + "little harm, stage 5 drops them.",
        isEmpty: proposals.considered.isEmpty
      ) { proposalsFigure },
    ]
  }

  /// The best candidates that have a box in the image, by descending logit.
  var best: [Candidate] {
    let ranked = proposals.considered.sorted {
      let (a, b) = (proposals.ledger[$0], proposals.ledger[$1])
      return a.logit > b.logit || (a.logit == b.logit && $0 < $1)
    }
    return Array(
      ranked.lazy.map { proposals.ledger[$0] }
        .filter { $0.fate != .clippedAway && $0.fate != .tooSmall }
        .prefix(Self.mostDrawn))
  }

  /// The best candidates by level, then by fate.
  var candidatesFigure: Figure {
    let best = best
    let kept = best.filter { $0.fate == .kept }
    let levels = Set(best.map(\.place.level)).sorted()
    return Figure(
      "Candidates before and after non-maximum suppression",
      caption: "The \(best.count) candidates with the highest scores of all levels, decoded and "
        + "clipped. Right: a candidate whose IoU with a better one of its level is over "
        + "\(Numerals.short(Float(options.nmsThreshold))) is suppressed.",
      columns: 2
    ) {
      backdrop.view(
        "Before: \(best.count) candidates by level",
        levels.map { level in
          .boxes(
            best.filter { $0.place.level == level }.map(\.box),
            Stroke(Palette.level(level), thickness: 1))
        },
        legend: levels.map { LegendEntry("P\($0)", Palette.level($0), .line) }, side: 512)
      backdrop.view(
        "After: \(kept.count) kept, \(best.count - kept.count) suppressed",
        [
          .boxes(
            best.filter { $0.fate != .kept }.map(\.box),
            Stroke(.orange, thickness: 0.75, dashed: true)),
          .boxes(kept.map(\.box), Stroke(.green, thickness: 1.5)),
        ],
        legend: [
          LegendEntry("kept", .green, .line), LegendEntry("suppressed", .orange, .dashed),
        ], side: 512)
    }
  }

  /// The proposals that go on, the best of them drawn.
  var proposalsFigure: Figure {
    let drawn = proposals.kept.prefix(Self.mostDrawn).map { proposals.ledger[$0] }
    let levels = Set(drawn.map(\.place.level)).sorted()
    return Figure(
      "Proposals: what goes on to stage 4",
      caption: proposals.kept.isEmpty
        ? "No candidate became a proposal: there is nothing for the later stages to look at."
        : "The \(drawn.count) best of \(proposals.kept.count) proposals, coloured by the level "
          + "whose anchor they come from.",
      legend: levels.map { LegendEntry("P\($0)", Palette.level($0), .line) }
    ) {
      backdrop.view(
        "\(drawn.count) proposals",
        levels.reversed().map { level in
          .boxes(
            drawn.filter { $0.place.level == level }.map(\.box),
            Stroke(Palette.level(level), thickness: 1.5))
        }, side: 640)
    }
  }

  /// How many candidates of each level had which fate, and their scores.
  var fatesFigure: Figure {
    let ledger = proposals.ledger
    let considered = proposals.considered.map { ledger[$0] }
    var counts: [Int: [FateName: Int]] = [:]
    for candidate in ledger {
      counts[candidate.place.level, default: [:]][candidate.fate.name, default: 0] += 1
    }
    let levels = counts.keys.sorted()
    func count(_ level: Int, _ fate: FateName) -> Int { counts[level]?[fate] ?? 0 }
    let order: [FateName] = [
      .belowTop, .clippedAway, .tooSmall, .suppressed, .beyondLimit, .kept,
    ]
    return Figure(
      "What became of \(ledger.count) candidates",
      caption: "Of each level the \(options.preNMSTopN) highest logits are looked at (the "
        + "others are “below the top”), clipped to the image, freed of boxes with a side "
        + "under \(Numerals.short(options.minimumSize)) input pixels, suppressed, and at most "
        + "\(options.postNMSTopN) of all levels handed on.",
      columns: 2
    ) {
      TablePanel(
        "Fates by level",
        header: ["level", "anchors"] + order.map(\.words),
        rows: levels.map { level in
          ["P\(level)", "\(order.reduce(0) { $0 + count(level, $1) })"]
            + order.map { "\(count(level, $0))" }
        }, keys: levels.map(Palette.level))
      Chart.bars(
        order.dropFirst().map { fate in
          .init(
            fate.words, Float(levels.reduce(0) { $0 + count($1, fate) }), colour(of: fate))
        }, "Fates of the \(considered.count) that were looked at", axis: "candidates")
      scores(considered.map(\.logit), "Scores of the candidates that were looked at")
      scores(proposals.kept.map { ledger[$0].logit }, "Scores of the proposals")
    }
  }

  private func colour(of fate: FateName) -> Colour {
    switch fate {
    case .kept: .green
    case .suppressed: .orange
    case .clippedAway: .grey
    case .tooSmall: .blue
    case .belowTop: .faint
    case .beyondLimit: .yellow
    }
  }

  private func scores(_ logits: [Float], _ title: String) -> any Panel {
    guard !logits.isEmpty else { return TextPanel(title, lines: ["There are none."]) }
    return Chart.histogram(
      Tensor([logits.count], logits.map { sigmoid($0) }), title, axis: "probability of an object")
  }
}
