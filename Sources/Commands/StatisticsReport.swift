import Figures
import Model
import Tensors
import Tracing

/// What `inspect --statistics` shows: how the numbers of every layer are distributed.
struct StatisticsReport {
  /// A layer's weights, or a tensor of a trace.
  private struct Row {
    let name: String
    let tensor: Tensor
    let distribution: Distribution
  }

  private let rows: [Row]
  private let title: String
  private let unit: String

  /// The weights of all layers of a network, in its order.
  init(_ model: MaskRCNNModel) {
    title = "Weights of \(model.source)"
    unit = "output channels"
    rows = model.parameters.parameters.filter { $0.value.shape.rank > 1 }.map {
      Row(
        name: $0.slot.name, tensor: $0.value,
        distribution: Distribution($0.value, unitAxis: 0))
    }
  }

  /// The tensors of a trace that have channels, stage by stage.
  ///
  /// - Throws: `Fault` if a tensor is damaged
  init(_ trace: Trace) throws {
    title = "Tensors of \(trace.folder.lastPathComponent)"
    unit = "channels"
    rows = try trace.stages.flatMap { name in
      let stage = try trace.stage(name)
      return try stage.record.tensors.filter {
        $0.file != nil && $0.shape.count == 4 && $0.dtype.hasPrefix("float")
      }.map { recorded in
        let tensor = try stage.tensor(recorded.name)
        return Row(
          name: "\(name)/\(recorded.name)", tensor: tensor,
          distribution: Distribution(tensor, unitAxis: 1))
      }
    }
  }

  private static let blocks = Array(" ▁▂▃▄▅▆▇█")

  /// A line per layer.
  var text: String {
    var table = Table(
      ["layer", "shape", "mean", "deviation", "minimum", "maximum", "histogram", "dead \(unit)"],
      right: [2, 3, 4, 5, 7])
    for row in rows {
      let found = row.distribution
      let highest = max(found.histogram.max() ?? 0, 1)
      let bars = found.histogram.map { count in
        Self.blocks[count == 0 ? 0 : 1 + count * (Self.blocks.count - 2) / highest]
      }
      table.add(
        [row.name, row.tensor.shape.description]
          + [found.mean, found.deviation, Double(found.minimum), Double(found.maximum)].map {
            Numerals.short(Float($0))
          } + ["|\(String(bars))|", "\(found.deadUnits) of \(found.units)"])
    }
    return table.text
      + "\n\nA histogram goes from the minimum to the maximum. A unit is dead if none of its elements "
      + "exceeds a thousandth of the layer's largest."
  }

  /// A histogram per layer.
  var figure: Figure {
    Figure(
      title,
      caption:
        "The distribution of each layer's numbers. Look for: layers whose deviation is far from "
        + "their neighbours', values that pile up at one end, and dead \(unit), none of whose "
        + "elements exceeds a thousandth of the layer's largest.",
      columns: 4
    ) {
      for row in rows { chart(row) }
    }
  }

  private func chart(_ row: Row) -> Chart {
    let found = row.distribution
    var chart = Chart.histogram(
      row.tensor, row.name, axis: "", bins: 32,
      note: "deviation \(Numerals.short(Float(found.deviation))); \(found.deadUnits) of "
        + "\(found.units) dead")
    (chart.width, chart.height) = (220, 90)
    return chart
  }
}
