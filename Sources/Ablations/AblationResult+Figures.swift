// The results of an ablation beside the paper's.

import Figures
import Training

/// One choice of levels: what each operator reached here and in the paper.
public struct AblationFigure {
  private let groups: [AblationGroup]

  /// Takes the groups of one data set.
  public init(_ groups: [AblationGroup]) { self.groups = groups }

  /// A row of charts for each choice of levels: mask AP and AP75 here, and the paper's.
  public var figure: Figure {
    let data = groups.first?.data ?? ""
    return Figure(
      "RoIPool, RoIWarp and RoIAlign in networks trained alike, on \(data)",
      caption:
        "Each bar is the mean of the networks trained alike; a dot is one network of one seed. The "
        + "first four of a row differ in the RoI operator alone; softmax masks and the MLP mask "
        + "head read through RoIAlign, average.\n"
        + "Look for: how much RoIPool loses to RoIAlign, in the mean over all IoU thresholds and at "
        + "0.75; which stride costs more; and how far the networks of one kind lie apart. The "
        + "paper's networks learned from COCO, so heights cannot be compared with it, only the "
        + "order and the distances within a chart.",
      columns: 4
    ) {
      for levels in present {
        chart(levels, "mask AP", of: \.maskAP)
        chart(levels, "mask AP75", of: \.maskAP75)
        let tables = Set(
          AblationVariant.allCases.compactMap { PaperResult(levels, $0)?.table }
        ).sorted().joined(separator: ", ")
        paperChart(levels, "Paper, \(tables): mask AP", of: \.ap)
        paperChart(levels, "Paper, \(tables): mask AP75", of: \.ap75)
      }
    }
  }

  private var present: [SmallNetworkLevels] {
    SmallNetworkLevels.allCases.filter { levels in groups.contains { $0.levels == levels } }
  }

  private func chart(
    _ levels: SmallNetworkLevels, _ name: String, of number: (AblationResult) -> Double
  ) -> Chart {
    let members = groups.filter { $0.levels == levels }
    let bars = members.map { group in
      Chart.Bar(
        group.variant.words, Float(100 * group.spread(number).mean), group.variant.colour,
        marks: group.results.map { Float(100 * number($0)) })
    }
    var chart = Chart.bars(bars, "\(levels.words): \(name) here", axis: "%")
    chart.width = 180
    return chart
  }

  private func paperChart(
    _ levels: SmallNetworkLevels, _ title: String, of number: (PaperResult) -> Double
  ) -> Chart {
    let bars = AblationVariant.allCases.compactMap { variant in
      PaperResult(levels, variant).map {
        Chart.Bar(variant.words, Float(number($0)), variant.colour)
      }
    }
    var chart = Chart.bars(bars, title, axis: "%")
    chart.width = 180
    return chart
  }
}

extension SmallNetworkLevels {
  /// `Stride 16`
  var words: String {
    switch self {
    case .stride16: "Stride 16"
    case .stride32: "Stride 32"
    case .pyramid: "Pyramid"
    }
  }
}

extension AblationVariant {
  /// Rounding operators in warm colours, the others in blue and green.
  fileprivate var colour: Colour {
    switch self {
    case .pool: .red
    case .warp: .orange
    case .alignMaximum: .green
    case .alignAverage: .blue
    case .softmaxMasks, .mlpMaskHead: .grey
    }
  }
}
