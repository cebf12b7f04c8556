import Tensors

/// A part of a figure. Each kind draws itself, title and all, at its own size.
public protocol Panel: Sendable {
  /// Draws the panel on white.
  func draw() -> Raster
}

/// Distances that every panel keeps.
enum Spacing {
  static let tick = 4
  static let gap = 5
  static let barGap = 14
  static let barWidth = 14
}

/// A plot with what belongs around it: title, axes, colour bar, legend, notes.
struct MapLayout {
  var title: String
  /// Exactly the plot, layers included.
  var plot: Raster
  /// What the plot shows, in its axes' units.
  var bounds: Box
  /// The names of the axes, or nil for a plot without.
  var axes: (x: String, y: String)?
  var scale: ColourScale?
  var units = ""
  var legend: [LegendEntry] = []
  var notes: [String] = []
  /// Whether the y axis grows upward, as in a chart, and not downward, as in an image.
  var risesUpward = false

  func draw() -> Raster {
    let xTicks = Ticks(from: bounds.x1, to: bounds.x2, most: max(plot.width / 52, 2))
    let yTicks = Ticks(from: bounds.y1, to: bounds.y2, most: max(plot.height / 34, 2))
    let text = Lettering.text
    var left = 0
    if axes != nil {
      left = (yTicks.labels.map { text.width(of: $0) }.max() ?? 0) + Spacing.tick + 3
      left += text.height + 4
    }
    let bar = scale.map { ColourBar(scale: $0, units: units, height: max(plot.height, 96)) }
    // The last label of the x axis may reach beyond the plot.
    let overhang = axes == nil ? 0 : (xTicks.labels.last.map { text.width(of: $0) } ?? 0) / 2 + 2
    let right = 1 + max(bar.map { $0.width + Spacing.barGap } ?? 0, overhang)
    let width = left + plot.width + right
    let titleLines = title.isEmpty ? [] : Lettering.strong.wrap(title, width: width - left)
    let legendBlock = LegendBlock(legend, width: width - left)
    let noteLines = notes.flatMap { text.wrap($0, width: width - left) }

    let top = titleLines.isEmpty ? 1 : titleLines.count * Lettering.strong.leading + 2
    var height = top + max(plot.height, bar?.height ?? 0) + 1
    let belowPlot = top + plot.height + 1
    if axes != nil { height = max(height, belowPlot + Spacing.tick + 2 * text.leading + 2) }
    let legendTop = height + Spacing.gap
    if !legend.isEmpty { height = legendTop + legendBlock.height }
    let notesTop = height + Spacing.gap
    if !noteLines.isEmpty { height = notesTop + noteLines.count * text.leading }

    var raster = Raster(width: max(width, 1), height: height)
    for (number, line) in titleLines.enumerated() {
      raster.write(line, x: left, y: number * Lettering.strong.leading, .ink, .strong)
    }
    raster.fill(
      x: left - 1, y: top - 1, width: plot.width + 2, height: plot.height + 2, .faint)
    raster.paste(plot, x: left, y: top)
    if let axes {
      draw(axes, xTicks, yTicks, left: left, top: top, on: &raster)
    }
    bar?.draw(on: &raster, x: left + plot.width + Spacing.barGap, y: top)
    legendBlock.draw(on: &raster, x: left, y: legendTop)
    for (number, line) in noteLines.enumerated() {
      raster.write(line, x: left, y: notesTop + number * text.leading, .grey)
    }
    return raster
  }

  private func draw(
    _ axes: (x: String, y: String), _ xTicks: Ticks, _ yTicks: Ticks, left: Int, top: Int,
    on raster: inout Raster
  ) {
    let area = PlotArea(bounds: bounds, width: plot.width, height: plot.height)
    let bottom = top + plot.height + 1
    for (value, label) in zip(xTicks.values, xTicks.labels) {
      let x = left + Int(bounded: area.place(Point(value, bounds.y1)).x.rounded())
      raster.fill(x: x, y: bottom, width: 1, height: Spacing.tick, .grey)
      raster.write(label, x: x, y: bottom + Spacing.tick + 1, .grey, align: .centre)
    }
    for (value, label) in zip(yTicks.values, yTicks.labels) {
      let down = Int(bounded: area.place(Point(bounds.x1, value)).y.rounded())
      let y = top + (risesUpward ? plot.height - 1 - down : down)
      raster.fill(x: left - 1 - Spacing.tick, y: y, width: Spacing.tick, height: 1, .grey)
      let text = min(max(y - 6, 0), raster.height - Font.height)
      raster.write(label, x: left - Spacing.tick - 3, y: text, .grey, align: .right)
    }
    raster.write(
      axes.x, x: left + plot.width / 2, y: bottom + Spacing.tick + Lettering.text.leading, .grey,
      align: .centre)
    raster.writeUpward(
      Lettering.text.shortened(axes.y, width: plot.height), x: 0, y: top + plot.height / 2, .grey,
      align: .centre)
  }
}

/// The colours of a scale with the values that they stand for.
struct ColourBar {
  var scale: ColourScale
  var units: String
  var height: Int

  private var range: ClosedRange<Float> { scale.range ?? 0...1 }

  /// The ends, 0, and round numbers wherever there is room for them: value and height above the
  /// foot.
  private var marks: [(label: String, rise: Int)] {
    let ends = ValueRange(range)
    func rise(_ value: Float) -> Int {
      Int(bounded: (ends.share(of: value) * Float(height - 1)).rounded())
    }
    var marks = [
      (Numerals.short(range.lowerBound), 0), (Numerals.short(range.upperBound), height - 1),
    ]
    let ticks = Ticks(from: range.lowerBound, to: range.upperBound, most: max(height / 44, 2))
    let zero = range.contains(0) ? [("0", rise(0))] : []
    let others = zip(ticks.labels, ticks.values.map(rise)).map { ($0, $1) }
    for mark in zero + others
    where !marks.contains(where: { abs($0.1 - mark.1) < Font.height + 9 }) {
      marks.append(mark)
    }
    return marks.map { (label: $0.0, rise: $0.1) }
  }

  private var labelWidth: Int { marks.map { Lettering.text.width(of: $0.label) }.max() ?? 0 }

  var width: Int {
    Spacing.barWidth + Spacing.tick + 5 + labelWidth + (units.isEmpty ? 0 : Font.height + 5)
  }

  func draw(on raster: inout Raster, x: Int, y: Int) {
    raster.fill(x: x - 1, y: y - 1, width: Spacing.barWidth + 2, height: height + 2, .faint)
    let ends = ValueRange(range)
    for row in 0..<height {
      let share = Float(height - 1 - row) / Float(max(height - 1, 1))
      let colour = scale.colour(ends.value(at: share))
      raster.fill(x: x, y: y + row, width: Spacing.barWidth, height: 1, colour)
    }
    let right = x + Spacing.barWidth + 1
    for mark in marks {
      let row = y + height - 1 - mark.rise
      raster.fill(x: right, y: row, width: Spacing.tick, height: 1, .grey)
      let text = min(max(row - 6, y - 2), y + height - Font.height + 2)
      raster.write(mark.label, x: right + Spacing.tick + 3, y: text, .grey)
    }
    if !units.isEmpty {
      raster.writeUpward(
        Lettering.text.shortened(units, width: height), x: right + Spacing.tick + labelWidth + 7,
        y: y + height / 2, .grey, align: .centre)
    }
  }
}

/// Legend entries side by side, in as many rows as they need.
struct LegendBlock {
  private var placed: [(entry: LegendEntry, x: Int, row: Int)] = []
  private var rows = 0

  static let key = 18

  init(_ entries: [LegendEntry], width: Int) {
    var x = 0
    var row = 0
    for entry in entries {
      let extent = LegendBlock.key + 5 + Lettering.text.width(of: entry.words)
      if x > 0, x + extent > width {
        x = 0
        row += 1
      }
      placed.append((entry, x, row))
      x += extent + 16
    }
    rows = entries.isEmpty ? 0 : row + 1
  }

  var height: Int { rows * Lettering.text.leading }

  var width: Int {
    placed.map { $0.x + LegendBlock.key + 5 + Lettering.text.width(of: $0.entry.words) }.max() ?? 0
  }

  func draw(on raster: inout Raster, x: Int, y: Int) {
    for (entry, column, row) in placed {
      let left = x + column
      let top = y + row * Lettering.text.leading
      let middle = Float(top) + 6.5
      switch entry.mark {
      case .swatch:
        raster.fill(x: left, y: top, width: LegendBlock.key, height: 12, .faint)
        raster.fill(x: left + 1, y: top + 1, width: LegendBlock.key - 2, height: 10, entry.colour)
      case .line, .dashed:
        let y = middle.rounded()
        let ends = (Float(left), Float(left + LegendBlock.key))
        // A pale line needs a dark edge on white paper.
        if entry.colour.legibleInk == .black {
          raster.fill(Box(ends.0, y - 2, ends.1, y + 2), .grey)
        }
        let stroke = Stroke(entry.colour, thickness: 2)
        if entry.mark == .line {
          raster.fill(Box(ends.0, y - 1, ends.1, y + 1), stroke.colour)
        } else {
          raster.fill(Box(ends.0, y - 1, ends.0 + 7, y + 1), stroke.colour)
          raster.fill(Box(ends.1 - 7, y - 1, ends.1, y + 1), stroke.colour)
          raster.fill(Box(ends.0 + 7, y - 2, ends.1 - 7, y + 2), .white)
        }
      case .dot:
        raster.dot(Point(Float(left + LegendBlock.key / 2), middle), radius: 3.5, entry.colour)
      }
      raster.write(entry.words, x: left + LegendBlock.key + 5, y: top, .ink)
    }
  }
}
