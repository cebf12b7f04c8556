import Figures
import Stage0Input
import Stage1Backbone
import Tensors

/// What stage 4 draws from.
struct RoIDrawing: Sendable {
  var backdrop: Backdrop
  /// By descending score.
  var proposals: [Box]
  /// A score per proposal, or none where the trace did not keep them.
  var scores: [Float]
  /// The level of each proposal, 2 for P2.
  var levels: [Int]
  var pyramid: RoIPyramid
  /// `[R, C, Y, X]`
  var features: Tensor
  var roiOperator: RoIOperator
  var bins: BinGrid

  /// So many proposals are drawn over the image.
  static let mostDrawn = 120

  var figures: [StageFigure] {
    [
      StageFigure(
        "levels",
        lookFor: "small boxes on the finest level, larger ones on coarser ones; a level that takes "
          + "nearly all means that the image's objects are all about one size.",
        isEmpty: proposals.isEmpty
      ) { levelsFigure }
    ]
      + examples.map { example in
        StageFigure(
          example.name,
          lookFor: "the dashed box (where the object is) against the outermost lines of the bins "
            + "(what is read). RoIPool and RoIWarp round it to whole cells; RoIWarp"
            + (isAligned ? " reads" : ", and RoIAlign without “aligned”, read")
            + " half a cell further to the lower right."
            + " The difference at the lower left is what that does to the features."
        ) { figure(example) }
      } + [
        StageFigure(
          "features",
          lookFor: "a common pattern, for the head reads all RoIs in this same "
            + "\(bins.columns) × \(bins.rows) form, "
            + "however large they were in the image.",
          isEmpty: proposals.isEmpty
        ) { featuresFigure }
      ]
  }

  /// Whether RoIAlign takes off half a cell, in this run or in the comparison that is drawn.
  var isAligned: Bool {
    if case .align(_, let aligned, _) = roiOperator { aligned } else { false }
  }

  /// The proposals coloured by the level that they are read from, and how many each level has.
  var levelsFigure: Figure {
    let drawn = Array(proposals.indices.prefix(Self.mostDrawn))
    let present = Set(drawn.map { levels[$0] }).sorted()
    return Figure(
      "Which pyramid level each proposal is read from",
      caption: proposals.isEmpty
        ? "There are no proposals, so no level is read."
        : "The \(drawn.count) best of \(proposals.count) proposals. Level number = "
          + "floor(\(pyramid.assignment.canonicalLevel) + "
          + "log2(side / \(Numerals.short(pyramid.assignment.canonicalScale)))), limited to "
          + "\(pyramid.numbers.lowerBound) … \(pyramid.numbers.upperBound), the side being the square "
          + "root of the area.",
      columns: 2,
      legend: present.map { LegendEntry(name($0), Palette.level($0), .line) }
    ) {
      backdrop.view(
        "\(drawn.count) proposals by level",
        present.reversed().map { level in
          .boxes(
            drawn.filter { levels[$0] == level }.map { proposals[$0] },
            Stroke(Palette.level(level), thickness: 1.5))
        }, side: 560)
      Stack {
        counts
        sides
      }
    }
  }

  private var counts: Chart {
    Chart.bars(
      pyramid.numbers.map { level in
        .init(name(level), Float(levels.count { $0 == level }), Palette.level(level))
      }, "Proposals read from each level", axis: "proposals")
  }

  private var sides: TablePanel {
    TablePanel(
      "Sides in input pixels", header: ["level", "stride", "proposals", "least", "greatest"],
      rows: pyramid.numbers.map { level in
        let sides = proposals.indices.filter { levels[$0] == level }
          .map { proposals[$0].area.squareRoot() }
        return [
          name(level), "\(pyramid.stride(ofLevel: level))", "\(sides.count)",
          sides.min().map { Numerals.short($0) } ?? "–",
          sides.max().map { Numerals.short($0) } ?? "–",
        ]
      }, keys: pyramid.numbers.map { Palette.level($0) })
  }

  /// The mean over channels of the first proposals' features.
  var featuresFigure: Figure {
    let count = min(24, proposals.count)
    let means = (0..<count).map { meanOverChannels(features.slice($0)) }
    let isSigned = means.contains { $0.values.contains { $0 < 0 } }
    return Figure(
      "\(roiOperator.name): what the box head reads",
      caption: count == 0
        ? "There are no proposals, so there are no features."
        : "Mean over \(features.shape[1]) channels of the features of the \(count) best "
          + "proposals, \(bins.columns) × \(bins.rows) bins each, one scale for all."
    ) {
      ContactSheet(
        maps: means, "Proposals by descending score",
        names: (0..<count).map { "\($0) from \(name(levels[$0]))" },
        scale: isSigned ? .diverging : .sequential, units: "activation", columns: 8, tileSide: 98)
    }
  }

  func score(_ proposal: Int) -> String {
    guard scores.indices.contains(proposal) else { return "" }
    return ", \(Numerals.probability(scores[proposal], digits: 4))"
  }

  func name(_ level: Int) -> String { "P\(level)" }
}
