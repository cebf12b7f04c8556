import Figures
import Stage4RoI
import Tensors

extension TraceSweep {
  /// Where the box slides, each operator's curve, and their largest jumps.
  public var figure: Figure {
    let sweep = sweep
    let pixels = sweep.stride * (sweep.positions.count - 1) / Sweep.stepsPerCell
    let cells = (sweep.positions.count - 1) / Sweep.stepsPerCell
    let distance = "\(cells) \(cells == 1 ? "cell" : "cells") (\(pixels) input pixels)"
    let direction = sweep.axis == .x ? "to the right" : "down"
    return Figure(
      "A box slides by \(distance): what each operator reads",
      caption:
        "Proposal \(proposal) slides \(direction) over P\(level) in steps of 1/16 cell. A "
        + "curve is the value of one bin of one channel. A jump is the difference from one step to "
        + "the next; the bars give the largest of all bins and channels as a part of the level's "
        + "range, \(Numerals.short(sweep.range)).\n"
        + "Look for: stairs and lines. RoIPool and RoIWarp round the box to whole cells: most steps "
        + "change nothing, then one changes everything, and where within a cell the box lies is "
        + "lost. RoIAlign answers every step with a small one; its line has a kink where a sample "
        + "passes from one pair of cells to the next.",
      columns: 2,
      legend: [
        LegendEntry("the box at shift 0", .ink, .dashed),
        LegendEntry("the box at the end", .green, .line),
        LegendEntry("the bins of the curves at shift 0 (row, column)", .yellow, .line),
      ]
    ) {
      Stack {
        map
        jumps
      }
      Stack {
        chart("Bin \(name(sweep.bin)), channel \(sweep.channel)", \.values)
        chart(
          "Where \(sweep.curves.first?.name ?? "") jumps most: "
            + "bin \(name(jumpBin)), channel \(sweep.jump.channel)", \.valuesAtJump)
      }
    }
  }

  private var jumpBin: (row: Int, column: Int) { (sweep.jump.row, sweep.jump.column) }

  /// The channel around the box, with the box at both ends.
  private var map: Heatmap {
    let scale = 1 / Float(sweep.stride)
    let shift = sweep.positions.last ?? 1
    let first = sweep.box.scaled(x: scale, y: scale)
    let (x, y) = sweep.axis == .x ? (shift, 0) : (0, shift)
    func layer(_ bin: (row: Int, column: Int)) -> Layer {
      let (width, height) = (
        first.width / Float(sweep.bins.columns),
        first.height / Float(sweep.bins.rows)
      )
      let (x, y) = (first.x1 + Float(bin.column) * width, first.y1 + Float(bin.row) * height)
      return .box(
        Box(x, y, x + width, y + height), label: name(bin), Stroke(.yellow, thickness: 2))
    }
    let last = Box(first.x1 + x, first.y1 + y, first.x2 + x, first.y2 + y)
    var map = Heatmap(
      sweep.surroundings, "P\(level), channel \(sweep.channel)",
      origin: Point(Float(sweep.origin.column), Float(sweep.origin.row)), scale: .diverging,
      units: "activation",
      layers: [
        .box(last, Stroke(.green, thickness: 2)),
        .box(first, Stroke(.ink, thickness: 2, dashed: true)), layer(sweep.bin),
      ] + (sweep.bin == jumpBin ? [] : [layer(jumpBin)]))
    let side = max(sweep.surroundings.shape[0], sweep.surroundings.shape[1])
    map.zoom = 300 / Float(side)
    map.axisUnit = "cells of P\(level)"
    map.showsSummary = false
    return map
  }

  private func name(_ bin: (row: Int, column: Int)) -> String { "\(bin.row), \(bin.column)" }

  private func chart(_ title: String, _ values: (SweepCurve) -> [Float]) -> Chart {
    var chart = Chart.lines(
      sweep.curves.map { curve in
        let points = zip(sweep.positions, values(curve)).map { Point($0, $1) }
        return .init(curve.name, points, curve.stroke)
      }, title, x: "shift in cells of P\(level)", y: "activation")
    chart.width = 460
    chart.height = 240
    return chart
  }

  private var jumps: Chart {
    Chart.bars(
      sweep.curves.map { curve in
        .init(curve.name, 100 * sweep.relative(curve.largestJump), curve.stroke.colour)
      }, "Largest jump in 1/16 cell", axis: "% of the level's range")
  }
}

extension SweepCurve {
  /// Rounding operators in warm colours, the others in blue and green.
  fileprivate var stroke: Stroke {
    switch roiOperator {
    case .pool: Stroke(.red, thickness: 2)
    case .warp: Stroke(.orange, thickness: 2)
    case .align(_, let aligned, _): Stroke(aligned ? .green : .blue, thickness: 2)
    }
  }
}
