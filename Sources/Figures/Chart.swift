import Tensors

/// Numbers that are no map: bars for scores and counts, lines over an axis, a histogram.
public struct Chart: Panel {
  /// One bar with its name.
  public struct Bar: Hashable, Sendable {
    /// What the bar stands for.
    public var name: String
    /// How long it is.
    public var value: Float
    /// Its colour.
    public var colour: Colour
    /// Single values of which the bar is the mean, each a dot.
    public var marks: [Float]

    /// Makes a bar.
    public init(
      _ name: String, _ value: Float, _ colour: Colour = .blue, marks: [Float] = []
    ) {
      self.name = name
      self.value = value
      self.colour = colour
      self.marks = marks
    }
  }

  /// One line of a line chart.
  public struct Line: Hashable, Sendable {
    /// What the line stands for.
    public var name: String
    /// Its points, from left to right.
    public var points: [Point]
    /// How it is drawn.
    public var stroke: Stroke

    /// Makes a line.
    public init(_ name: String, _ points: [Point], _ stroke: Stroke = Stroke(.blue)) {
      self.name = name
      self.points = points
      self.stroke = stroke
    }
  }

  private enum Content: Sendable {
    case bars([Bar], ClosedRange<Float>?)
    case lines([Line], ClosedRange<Float>?)
    case points([Line])
    case histogram([Float], bins: Int)
  }

  /// The title: what is shown.
  public var title: String
  /// What the horizontal axis measures.
  public var xAxis: String
  /// What the vertical axis measures.
  public var yAxis: String
  /// Words below.
  public var note: String
  /// The plot's width in pixels.
  public var width = 360
  /// The plot's height in pixels; bars take what they need.
  public var height = 220
  private let content: Content

  /// Horizontal bars, one below the other, each with its value; the range of the axis is from 0 to
  /// the greatest value unless given.
  public static func bars(
    _ bars: [Bar], _ title: String, axis: String = "", range: ClosedRange<Float>? = nil,
    note: String = ""
  ) -> Chart {
    Chart(title: title, xAxis: axis, yAxis: "", note: note, content: .bars(bars, range))
  }

  /// Lines over a common axis; the vertical range is that of the points unless given.
  public static func lines(
    _ lines: [Line], _ title: String, x: String, y: String, range: ClosedRange<Float>? = nil,
    note: String = ""
  ) -> Chart {
    Chart(title: title, xAxis: x, yAxis: y, note: note, content: .lines(lines, range))
  }

  /// Points, each series in its own colour, over axes that begin at 0.
  public static func points(
    _ series: [Line], _ title: String, x: String, y: String, note: String = ""
  ) -> Chart {
    Chart(title: title, xAxis: x, yAxis: y, note: note, content: .points(series))
  }

  /// How often values fall into each of some equal intervals.
  public static func histogram(
    _ values: Tensor, _ title: String, axis: String, bins: Int = 40, note: String = ""
  ) -> Chart {
    Chart(
      title: title, xAxis: axis, yAxis: "count", note: note,
      content: .histogram(values.values, bins: max(bins, 1)))
  }

  private init(title: String, xAxis: String, yAxis: String, note: String, content: Content) {
    self.title = title
    self.xAxis = xAxis
    self.yAxis = yAxis
    self.note = note
    self.content = content
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    switch content {
    case .bars(let bars, let range): drawBars(bars, range)
    case .lines(let lines, let range): drawLines(lines, range)
    case .points(let series): drawPoints(series)
    case .histogram(let values, let bins): drawHistogram(values, bins)
    }
  }

  // MARK: Bars

  private func drawBars(_ bars: [Bar], _ range: ClosedRange<Float>?) -> Raster {
    let style = Lettering.text
    let finite = bars.flatMap { [$0.value] + $0.marks }.filter(\.isFinite)
    let ends = ValueRange(
      range?.lowerBound ?? min(finite.min() ?? 0, 0), range?.upperBound ?? max(finite.max() ?? 0, 0)
    )
    let (low, high) = (ends.low, ends.high)
    let pitch = 19
    let names = bars.map { style.shortened($0.name, width: 200) }
    let left = (names.map { style.width(of: $0) }.max() ?? 0) + 8
    let values = bars.map { Numerals.short($0.value) }
    let right = (values.map { style.width(of: $0) }.max() ?? 0) + 8
    let total = left + width + right
    let titleLines = title.isEmpty ? [] : Lettering.strong.wrap(title, width: total)
    let top = titleLines.count * Lettering.strong.leading + 4
    let plotHeight = max(bars.count, 1) * pitch + 4
    let axisTop = top + plotHeight
    let notes = note.isEmpty ? [] : style.wrap(note, width: total)
    let notesTop = axisTop + Spacing.tick + (xAxis.isEmpty ? 1 : 2) * style.leading + 6
    var raster = Raster(width: total, height: notesTop + notes.count * style.leading)
    for (number, line) in titleLines.enumerated() {
      raster.write(line, x: 0, y: number * Lettering.strong.leading, .ink, .strong)
    }
    func place(_ value: Float) -> Float {
      Float(left) + min(max(ends.share(of: value), 0), 1) * Float(width - 1)
    }
    let ticks = Ticks(from: low, to: high, most: 6)
    for (value, label) in zip(ticks.values, ticks.labels) {
      let x = Int(place(value).rounded())
      raster.fill(x: x, y: top, width: 1, height: plotHeight, .faint)
      raster.write(label, x: x, y: axisTop + Spacing.tick + 1, .grey, align: .centre)
    }
    for (number, bar) in bars.enumerated() {
      let y = top + number * pitch + 4
      raster.write(names[number], x: left - 8, y: y, .ink, align: .right)
      guard bar.value.isFinite else {
        raster.write(values[number], x: left + 4, y: y, .notANumber)
        continue
      }
      let (from, to) = (place(min(bar.value, max(low, 0))), place(max(bar.value, max(low, 0))))
      raster.fill(Box(from, Float(y), max(to, from + 1), Float(y + 13)), bar.colour)
      let marks = bar.marks.filter(\.isFinite).map(place)
      for mark in marks { raster.disc(Point(mark, Float(y) + 6.5), radius: 2.5, .ink) }
      let end = max(to, marks.max().map { $0 + 3 } ?? 0)
      raster.write(values[number], x: Int(end) + 5, y: y, .ink)
    }
    raster.fill(x: Int(place(max(low, 0)).rounded()), y: top, width: 1, height: plotHeight, .grey)
    raster.write(
      xAxis, x: left + width / 2, y: axisTop + Spacing.tick + style.leading, .grey, align: .centre)
    for (number, line) in notes.enumerated() {
      raster.write(line, x: 0, y: notesTop + number * style.leading, .grey)
    }
    return raster
  }

  // MARK: Lines and histograms

  private func drawLines(_ lines: [Line], _ range: ClosedRange<Float>?) -> Raster {
    let points = lines.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    let bounds = Frame(points: points, range: range)
    var plot = grid(bounds)
    for line in lines {
      let placed = line.points.filter { $0.x.isFinite && $0.y.isFinite }
        .map { bounds.place($0, width, height) }
      for (from, to) in zip(placed, placed.dropFirst()) {
        plot.line(from: from, to: to, line.stroke)
      }
      if placed.count <= 24 {
        for point in placed { plot.disc(point, radius: 2.5, line.stroke.colour) }
      }
    }
    let legend = lines.filter { !$0.name.isEmpty }.map {
      LegendEntry($0.name, $0.stroke.colour, $0.stroke.dashed ? .dashed : .line)
    }
    return around(plot, bounds, legend: legend, notes: note.isEmpty ? [] : [note])
  }

  private func drawPoints(_ series: [Line]) -> Raster {
    let points = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    func end(_ values: [Float]) -> Float { max((values.max() ?? 1) * 1.05, 1e-6) }
    let bounds = Frame(x: (0, end(points.map(\.x))), y: (0, end(points.map(\.y))))
    var plot = grid(bounds)
    for one in series {
      for point in one.points where point.x.isFinite && point.y.isFinite {
        let place = bounds.place(point, width, height)
        // A rim separates dots that overlap.
        plot.disc(place, radius: 4, .white)
        plot.disc(place, radius: 3, one.stroke.colour)
      }
    }
    let legend = series.filter { !$0.name.isEmpty }.map {
      LegendEntry($0.name, $0.stroke.colour, .dot)
    }
    return around(plot, bounds, legend: legend, notes: note.isEmpty ? [] : [note])
  }

  private func drawHistogram(_ values: [Float], _ bins: Int) -> Raster {
    let summary = FiniteSummary(values)
    let ends = ValueRange(summary.minimum, summary.maximum)
    var counts = [Int](repeating: 0, count: bins)
    for value in values where value.isFinite {
      counts[min(Int(bounded: ends.share(of: value) * Float(bins)), bins - 1)] += 1
    }
    let most = Float(max(counts.max() ?? 0, 1))
    let bounds = Frame(x: (ends.low, ends.high), y: (0, most * 1.04))
    var plot = grid(bounds)
    for (bin, count) in counts.enumerated() where count > 0 {
      let from = Point(ends.value(at: Float(bin) / Float(bins)), Float(count))
      let to = Point(ends.value(at: Float(bin + 1) / Float(bins)), 0)
      let (upper, lower) = (bounds.place(from, width, height), bounds.place(to, width, height))
      // Even the rarest value leaves a visible bar.
      let top = min(upper.y, lower.y - 1)
      plot.fill(Box(upper.x, top, lower.x - 1, lower.y), .blue)
    }
    var words =
      "\(summary.count) values, min \(Numerals.short(summary.minimum)), "
      + "max \(Numerals.short(summary.maximum)), mean \(Numerals.short(summary.mean))"
    if summary.notFinite > 0 { words += "; not a number or infinite: \(summary.notFinite)" }
    return around(plot, bounds, legend: [], notes: [words] + (note.isEmpty ? [] : [note]))
  }

  private func grid(_ bounds: Frame) -> Raster {
    var plot = Raster(width: width, height: height)
    for value in Ticks(from: bounds.x.0, to: bounds.x.1, most: width / 52).values {
      let x = Int(bounded: bounds.place(Point(value, 0), width, height).x.rounded())
      plot.fill(x: x, y: 0, width: 1, height: height, .faint)
    }
    for value in Ticks(from: bounds.y.0, to: bounds.y.1, most: height / 34).values {
      let y = Int(bounded: bounds.place(Point(0, value), width, height).y.rounded())
      plot.fill(x: 0, y: y, width: width, height: 1, .faint)
    }
    return plot
  }

  private func around(
    _ plot: Raster, _ bounds: Frame, legend: [LegendEntry], notes: [String]
  ) -> Raster {
    MapLayout(
      title: title, plot: plot, bounds: Box(bounds.x.0, bounds.y.0, bounds.x.1, bounds.y.1),
      axes: (xAxis, yAxis), legend: legend, notes: notes, risesUpward: true
    ).draw()
  }
}

/// The ranges of a chart's axes.
private struct Frame {
  var x: (Float, Float)
  var y: (Float, Float)

  init(x: (Float, Float), y: (Float, Float)) {
    self.x = x
    self.y = y
  }

  init(points: [Point], range: ClosedRange<Float>?) {
    let xs = points.map(\.x)
    let ys = points.map(\.y)
    x = Frame.proper(xs.min() ?? 0, xs.max() ?? 1)
    if let range {
      y = Frame.proper(range.lowerBound, range.upperBound)
    } else {
      let (low, high) = Frame.proper(ys.min() ?? 0, ys.max() ?? 1)
      let ends = ValueRange(low, high)
      let widened = ValueRange(ends.value(at: -0.05), ends.value(at: 1.05))
      y = (widened.low, widened.high)
    }
  }

  private static func proper(_ low: Float, _ high: Float) -> (Float, Float) {
    let ends = low < high ? ValueRange(low, high) : ValueRange(low - 0.5, low + 0.5)
    return (ends.low, ends.high)
  }

  /// The place of a point in a plot whose vertical axis rises.
  func place(_ point: Point, _ width: Int, _ height: Int) -> Point {
    Point(
      ValueRange(x.0, x.1).share(of: point.x) * Float(width - 1) + 0.5,
      Float(height) - 0.5 - ValueRange(y.0, y.1).share(of: point.y) * Float(height - 1))
  }
}
