import Tensors

/// A plane of numbers `[H, W]` as colours, with axes in pixels of the network's input (or in
/// cells).
///
///     Heatmap(p3.slice(0), "P3, channel 0", cellSize: 8, scale: .diverging, units: "activation")
public struct Heatmap: Panel {
  /// The numbers, `[H, W]`.
  public var values: Tensor
  /// The title: what is shown.
  public var title: String
  /// The extent of one cell in the axes' units: the stride for axes in image pixels, 1 for axes
  /// in cells.
  public var cellSize: Float
  /// The upper left corner of the first cell in the axes' units; not 0 for a part of a map.
  public var origin: Point
  /// Which colour shows which value.
  public var scale: ColourScale
  /// The units of the values, written along the colour bar.
  public var units: String
  /// What is drawn over the cells, in the axes' units.
  public var layers: [Layer]
  /// What the layers mean.
  public var legend: [LegendEntry]
  /// Words below the plot, after the line that states shape and range.
  public var note: String
  /// Whether every cell shows its value as a number, where there is room for it.
  public var showsValues: Bool
  /// Whether there are axes.
  public var showsAxes = true
  /// Whether there is a colour bar; a figure with one bar for all switches it off.
  public var showsBar = true
  /// Whether the line that states shape and range is written.
  public var showsSummary = true
  /// The name of the axes' units; nil decides by `cellSize` whether they are cells.
  public var axisUnit: String?
  /// Pixels of the drawing per unit of the axes; nil decides by the number of cells.
  public var zoom: Float?

  /// Makes a heatmap of `[H, W]` values.
  public init(
    _ values: Tensor, _ title: String, cellSize: Float = 1, origin: Point = Point(0, 0),
    scale: ColourScale = .sequential, units: String = "", layers: [Layer] = [],
    legend: [LegendEntry] = [], note: String = "", showsValues: Bool = false
  ) {
    precondition(values.shape.rank == 2, "a heatmap shows [H, W], not \(values.shape)")
    precondition(values.count > 0, "a heatmap needs at least one cell")
    self.values = values
    self.title = title
    self.cellSize = cellSize
    self.origin = origin
    self.scale = scale
    self.units = units
    self.layers = layers
    self.legend = legend
    self.note = note
    self.showsValues = showsValues
  }

  var rows: Int { values.shape[0] }
  var columns: Int { values.shape[1] }

  /// Pixels per cell when nobody decides: whole numbers, so that all cells are equal, that bring
  /// the longer side to between 256 and 640 pixels.
  var pixelsPerCell: Float {
    if let zoom { return zoom * cellSize }
    let longest = max(rows, columns)
    if longest > 640 { return 640 / Float(longest) }
    let room = max(420 / longest, (256 + longest - 1) / longest)
    if showsValues { return Float(min(max(room, 40), max(48, 256 / longest))) }
    return Float(min(room, max(64, 256 / longest)))
  }

  /// The plot without anything around it.
  func plot(_ fitted: ColourScale) -> (raster: Raster, area: PlotArea) {
    let side = pixelsPerCell
    let width = max(1, Int((Float(columns) * side).rounded()))
    let height = max(1, Int((Float(rows) * side).rounded()))
    var raster = Cells(values).drawn(width: width, height: height, fitted)
    let bounds = Box(
      origin.x, origin.y, origin.x + Float(columns) * cellSize, origin.y + Float(rows) * cellSize)
    let area = PlotArea(bounds: bounds, width: width, height: height)
    raster.draw(layers, in: area)
    if showsValues, side >= 24 { writeValues(on: &raster, side: side, fitted) }
    return (raster, area)
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    let fitted = scale.fitted(to: [values])
    let (raster, area) = plot(fitted)
    let unit = axisUnit ?? (cellSize == 1 ? "cells" : "input pixels")
    let layout = MapLayout(
      title: title, plot: raster, bounds: area.bounds,
      axes: showsAxes ? ("x, \(unit)", "y, \(unit)") : nil, scale: showsBar ? fitted : nil,
      units: units, legend: legend, notes: notes)
    return layout.draw()
  }

  private var notes: [String] {
    var notes: [String] = []
    if showsSummary { notes.append(summary) }
    if !note.isEmpty { notes.append(note) }
    return notes
  }

  /// `64 × 64 cells, stride 4: min −1.2, max 3.4, mean 0.1`
  public var summary: String {
    let summary = FiniteSummary(values.values)
    var words = "\(columns) × \(rows) cells"
    if cellSize != 1 { words += ", stride \(Numerals.short(cellSize))" }
    words += ": min \(Numerals.short(summary.minimum)), max \(Numerals.short(summary.maximum))"
    words += ", mean \(Numerals.short(summary.mean))"
    if summary.notFinite > 0 { words += "; not a number or infinite: \(summary.notFinite)" }
    if pixelsPerCell < 1 {
      words += "; reduced, a pixel is the mean of about \(reduction) × \(reduction) cells"
    }
    return words
  }

  private var reduction: String { Numerals.short(1 / pixelsPerCell, digits: 2) }

  private func writeValues(on raster: inout Raster, side: Float, _ fitted: ColourScale) {
    let style = Lettering.text
    // In the lower part of a cell: the middle is where sample points lie.
    let rise = side >= 36 ? Int(side / 2) - Font.height - 1 : -6
    for row in 0..<rows {
      for column in 0..<columns {
        let value = values.values[row * columns + column]
        // The longest form that fits; none rather than one that runs into the next cell.
        let forms =
          [Numerals.fixed(value, within: fitted)]
          + [2, 1].map {
            Numerals.short(value, digits: $0)
          }
        guard let words = forms.first(where: { Float(style.width(of: $0)) <= side - 4 }) else {
          continue
        }
        let x = Int(((Float(column) + 0.5) * side).rounded())
        let y = Int(((Float(row) + 0.5) * side).rounded()) + rise
        let ground = fitted.colour(value)
        // A rim in the cell's colour keeps the number apart from lines that cross it.
        for dy in -1...1 {
          for dx in -1...1 { raster.write(words, x: x + dx, y: y + dy, ground, align: .centre) }
        }
        raster.write(words, x: x, y: y, ground.legibleInk, align: .centre)
      }
    }
  }
}

/// The coloured cells of a heatmap at any size.
struct Cells {
  let values: Tensor

  init(_ values: Tensor) { self.values = values }

  /// Enlarged cells are crisp squares; where cells are smaller than a pixel, a pixel shows the mean
  /// of the cells that it covers, and is marked if one of them is not a number.
  func drawn(width: Int, height: Int, _ scale: ColourScale) -> Raster {
    let columns = spans(from: values.shape[1], to: width)
    let rows = spans(from: values.shape[0], to: height)
    return Raster(width: width, height: height) { bytes in
      for y in 0..<height {
        let first = 3 * y * width
        if y > 0, rows[y] == rows[y - 1] {
          // Rows of one cell are equal.
          for place in first..<first + 3 * width { bytes[place] = bytes[place - 3 * width] }
          continue
        }
        let cells = means(rows[y], columns)
        var colour = Colour.white
        for x in 0..<width {
          if x == 0 || columns[x] != columns[x - 1] { colour = scale.colour(cells[x]) }
          bytes[first + 3 * x] = colour.red
          bytes[first + 3 * x + 1] = colour.green
          bytes[first + 3 * x + 2] = colour.blue
        }
      }
    }
  }

  /// The mean of every span of columns over some rows.
  private func means(_ rows: Range<Int>, _ spans: [Range<Int>]) -> [Float] {
    let columns = values.shape[1]
    return values.values.withUnsafeBufferPointer { values in
      spans.map { span in
        if rows.count == 1 && span.count == 1 {
          return values[rows.lowerBound * columns + span.lowerBound]
        }
        var sum: Float = 0
        for row in rows {
          for column in span { sum += values[row * columns + column] }
        }
        return sum / Float(rows.count * span.count)
      }
    }
  }
}
