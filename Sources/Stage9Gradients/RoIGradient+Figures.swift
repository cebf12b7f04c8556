import Figures
import Stage0Input
import Stage4RoI
import Tensors

extension RoIGradientExample {
  /// To which cells the three operators pass the same gradient.
  var figure: StageFigure {
    StageFigure(
      "roi",
      lookFor:
        "single cells under RoIPool: each bin's whole gradient goes to its greatest cell, and "
        + "the bin's other cells get none. RoIAlign divides it among all cells around its samples, "
        + "and the region follows the box instead of whole cells."
    ) { drawing }
  }

  private var drawing: Figure {
    let limit = operators.flatMap { $0.gradient.values }.map(abs).filter(\.isFinite).max() ?? 1
    let scale = ColourScale.diverging(limit: limit)
    return Figure(
      "One gradient, three operators: sampled RoI \(roi)",
      caption:
        "\(Numerals.short(box.width)) × \(Numerals.short(box.height)) input pixels, read from "
        + "P\(level), stride \(stride). Channel \(channel) is shown, whose gradient has the "
        + "greatest norm. The gradient at the RoI's \(bins.shape[0]) × \(bins.shape[1]) bins is the "
        + "same for all three; they pass it to different cells, and the sum stays the same. Red: the "
        + "loss grows with the activation, so that training reduces it. Axes in cells of "
        + "P\(level).",
      columns: 3, legend: [LegendEntry("the RoI's box", .ink, .dashed)]
    ) {
      for (number, passed) in operators.enumerated() {
        map(
          passed.gradient, "Through \(passed.operator.name)", scale,
          bar: number == operators.count - 1)
      }
      map(features, "The features of P\(level) there", .diverging, units: "activation", bar: true)
      outcome
      table
    }
  }

  private func map(
    _ values: Tensor, _ title: String, _ scale: ColourScale, units: String = "loss / activation",
    bar: Bool
  ) -> Heatmap {
    let step = 1 / Float(stride)
    var map = Heatmap(
      values, title, origin: Point(Float(origin.x), Float(origin.y)), scale: scale, units: units,
      layers: [.box(box.scaled(x: step, y: step), Stroke(.ink, thickness: 2, dashed: true))])
    map.zoom = 260 / Float(max(values.shape[0], values.shape[1]))
    map.axisUnit = "cells of P\(level)"
    map.showsBar = bar
    map.showsSummary = false
    return map
  }

  /// The gradient at the bins, from which all three start.
  private var outcome: Heatmap {
    var map = Heatmap(
      bins, "The gradient at the bins", scale: .diverging, units: "loss / activation")
    map.zoom = 230 / Float(max(bins.shape[0], bins.shape[1]))
    map.axisUnit = "bins"
    map.showsSummary = false
    return map
  }

  private var table: TablePanel {
    TablePanel(
      "In this channel", header: ["operator", "cells reached", "sum", "greatest magnitude"],
      rows: [["the bins", "", Numerals.short(sum(bins)), Numerals.short(greatest(bins))]]
        + operators.map { passed in
          [
            passed.operator.name, "\(passed.gradient.values.count { $0 != 0 })",
            Numerals.short(sum(passed.gradient)), Numerals.short(greatest(passed.gradient)),
          ]
        })
  }

  private func sum(_ values: Tensor) -> Float {
    Float(values.values.reduce(0.0) { $0 + Double($1) })
  }

  private func greatest(_ values: Tensor) -> Float { values.values.map(abs).max() ?? 0 }
}
