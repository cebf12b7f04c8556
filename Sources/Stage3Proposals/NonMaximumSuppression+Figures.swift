import Kernels
import Figures
import Stage0Input
import Tensors

/// A winner of non-maximum suppression and what it suppressed.
struct Cluster: Sendable {
  /// Index of the winner in the ledger.
  var winner: Int
  /// The suppressed, by descending logit, with their IoU with the winner.
  var suppressed: [(index: Int, overlap: Float)]

  /// The kept candidate that suppressed most others; of equal ones that with the higher logit.
  static func largest(_ proposals: Proposals) -> Cluster? {
    var members: [Int: [(index: Int, overlap: Float)]] = [:]
    for index in proposals.considered {
      if case .suppressed(let by, let overlap) = proposals.ledger[index].fate {
        members[by, default: []].append((index, overlap))
      }
    }
    func rank(_ index: Int) -> (Int, Float, Int) {
      (members[index]?.count ?? 0, proposals.ledger[index].logit, -index)
    }
    guard let winner = members.keys.max(by: { rank($0) < rank($1) }) else { return nil }
    let suppressed = members[winner, default: []].sorted {
      let (a, b) = (proposals.ledger[$0.index].logit, proposals.ledger[$1.index].logit)
      return a > b || (a == b && $0.index < $1.index)
    }
    return Cluster(winner: winner, suppressed: suppressed)
  }
}

extension ProposalsDrawing {
  /// The largest cluster: the winner, and some of those it suppressed with their IoU.
  var clusterFigure: Figure {
    let title = "One cluster: a winner and what it suppressed"
    guard let cluster = Cluster.largest(proposals) else {
      return Figure(title, caption: "No candidate was suppressed.") {
        backdrop.view("Nothing was suppressed", [], side: 512)
      }
    }
    let winner = proposals.ledger[cluster.winner]
    // Spread over the whole ranking, so that near and far ones are seen.
    let count = min(6, cluster.suppressed.count)
    let drawn = (0..<count).map {
      cluster.suppressed[$0 * (cluster.suppressed.count - 1) / max(count - 1, 1)]
    }
    let boxes = drawn.map { proposals.ledger[$0.index].box }
    let around = Box(around: boxes + [winner.box], margin: 0) ?? winner.box
    let margin = max(max(around.width, around.height) * 0.25, 6)
    let region = Box(around: [around], margin: margin)
    return Figure(
      title,
      caption: "The kept candidate that suppressed most others, \(cluster.suppressed.count) of "
        + "them on P\(winner.place.level); \(count) are drawn, from the highest score to the "
        + "lowest. Numbers are IoU with the winner; over "
        + "\(Numerals.short(Float(options.nmsThreshold))) means suppressed.",
      columns: 2
    ) {
      backdrop.view(
        "Around the winner",
        zip(boxes, drawn).enumerated().map { number, pair in
          .box(
            pair.0, label: Numerals.short(pair.1.overlap, digits: 2),
            Stroke(colour(number), thickness: 1.5, dashed: true))
        } + [.box(winner.box, label: "winner", Stroke(.yellow, thickness: 3))],
        region: region, side: 512)
      TablePanel(
        "Scores and overlap", header: ["", "score", "IoU"],
        rows: [["winner", score(winner), "1"]]
          + drawn.map {
            [
              "suppressed", score(proposals.ledger[$0.index]),
              Numerals.short($0.overlap, digits: 3),
            ]
          }, keys: [.yellow] + drawn.indices.map(colour))
    }
  }

  /// Colours that keep away from the winner's yellow.
  private func colour(_ number: Int) -> Colour {
    let apart = [0, 1, 2, 5, 7, 4]
    return Palette.instance(apart[number % apart.count])
  }

  private func score(_ candidate: Candidate) -> String {
    Numerals.short(sigmoid(candidate.logit), digits: 4)
  }
}
