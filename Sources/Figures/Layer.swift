import Tensors

/// Something drawn over a heatmap or image, in the units of its axes.
///
/// Over an image or a heatmap with a stride these are pixels; over a heatmap whose cells
/// have size 1 they are cells, and fractions of cells are meant.
public enum Layer: Sendable {
  /// A rectangle, with a label on a plate of the stroke's colour.
  case box(Box, label: String = "", Stroke = Stroke(.yellow))
  /// Many rectangles drawn alike.
  case boxes([Box], Stroke = Stroke(.yellow))
  /// Dots with a rim.
  case points([Point], Colour = .yellow, radius: Float = 3)
  /// A tinted rectangle.
  case shade(Box, Colour, opacity: Float = 0.35)
  /// Vertical lines at `xs` and horizontal ones at `ys`, all inside a rectangle.
  case grid(xs: [Float], ys: [Float], within: Box, Stroke = Stroke(.white))
  /// Straight lines in pairs of ends.
  case lines([(Point, Point)], Stroke = Stroke(.ink, thickness: 1))
  /// Arrows from the first point of each pair to the second.
  case arrows([(Point, Point)], Stroke = Stroke(.ink))
  /// A mask `[rows, columns]` that fills a rectangle: tinted where it is above a half, with its
  /// contour.
  case mask(Tensor, at: Box, Colour, opacity: Float = 0.4)
  /// Words on a plate, the middle of their lower edge at the point.
  case note(String, at: Point, Colour = .ink)
}

/// One line of a legend: a key and what it stands for.
public struct LegendEntry: Hashable, Sendable {
  /// How the key looks.
  public enum Mark: Sendable {
    /// A filled square.
    case swatch
    /// A line.
    case line
    /// A dashed line.
    case dashed
    /// A dot.
    case dot
  }

  /// The words.
  public var words: String
  /// The key's colour.
  public var colour: Colour
  /// How the key looks.
  public var mark: Mark

  /// Makes an entry.
  public init(_ words: String, _ colour: Colour, _ mark: Mark = .swatch) {
    self.words = words
    self.colour = colour
    self.mark = mark
  }
}

extension Stroke {
  /// The wider line below a line that keeps it visible on a background of its own colour.
  var casing: Stroke {
    Stroke(
      colour.mixed(with: colour.legibleInk, 0.75), thickness: thickness + 1.5, dashed: dashed)
  }
}

/// Where a plot's units lie in a raster that shows exactly the plot.
struct PlotArea {
  /// What the plot shows, in its axes' units.
  var bounds: Box
  var width: Int
  var height: Int

  var scaleX: Float { bounds.width > 0 ? Float(width) / bounds.width : 1 }
  var scaleY: Float { bounds.height > 0 ? Float(height) / bounds.height : 1 }

  func place(_ point: Point) -> Point {
    func place(_ value: Float, _ low: Float, _ high: Float, scale: Float, _ extent: Int) -> Float {
      let place = (value - low) * scale
      // A chart's axis may be longer than the greatest float.
      return place.isFinite || !value.isFinite
        ? place : ValueRange(low, high).share(of: value) * Float(extent)
    }
    return Point(
      place(point.x, bounds.x1, bounds.x2, scale: scaleX, width),
      place(point.y, bounds.y1, bounds.y2, scale: scaleY, height))
  }

  func place(_ box: Box) -> Box {
    let (upper, lower) = (place(Point(box.x1, box.y1)), place(Point(box.x2, box.y2)))
    return Box(upper.x, upper.y, lower.x, lower.y)
  }
}

extension Raster {
  /// Draws layers over a raster that shows exactly the plot; labels come last, over everything.
  mutating func draw(_ layers: [Layer], in area: PlotArea) {
    var labels = PlateStack()
    for layer in layers {
      switch layer {
      case .box(let box, let label, let stroke):
        let placed = area.place(box)
        outline(placed, cased: stroke)
        if !label.isEmpty { labels.add(label, to: placed, stroke.colour) }
      case .boxes(let boxes, let stroke):
        for box in boxes { outline(area.place(box), cased: stroke) }
      case .points(let points, let colour, let radius):
        for point in points { dot(area.place(point), radius: radius, colour) }
      case .shade(let box, let colour, let opacity):
        fill(area.place(box), colour, opacity: opacity)
      case .grid(let xs, let ys, let within, let stroke):
        draw(grid: xs, ys, area, within, stroke.casing)
        draw(grid: xs, ys, area, within, stroke)
      case .lines(let pairs, let stroke):
        for (from, to) in pairs { line(from: area.place(from), to: area.place(to), stroke) }
      case .arrows(let pairs, let stroke):
        for (from, to) in pairs { arrow(from: area.place(from), to: area.place(to), stroke) }
      case .mask(let mask, let box, let colour, let opacity):
        draw(mask, at: area.place(box), colour, opacity)
      case .note(let words, let point, let colour):
        let place = area.place(point)
        labels.add(words, to: Box(place.x, place.y, place.x, place.y), colour, centred: true)
      }
    }
    labels.draw(on: &self)
  }

  /// Draws a rectangle with an edge on both sides that sets it off from any background.
  private mutating func outline(_ box: Box, cased stroke: Stroke) {
    outline(box, stroke.casing)
    outline(box, stroke)
  }

  private mutating func draw(
    grid xs: [Float], _ ys: [Float], _ area: PlotArea, _ within: Box, _ stroke: Stroke
  ) {
    for x in xs {
      line(from: area.place(Point(x, within.y1)), to: area.place(Point(x, within.y2)), stroke)
    }
    for y in ys {
      line(from: area.place(Point(within.x1, y)), to: area.place(Point(within.x2, y)), stroke)
    }
  }

  private mutating func draw(_ mask: Tensor, at box: Box, _ colour: Colour, _ opacity: Float) {
    precondition(mask.shape.rank == 2, "a mask is [rows, columns], not \(mask.shape)")
    let (rows, columns) = (mask.shape[0], mask.shape[1])
    guard rows > 0, columns > 0, box.width > 0, box.height > 0 else { return }
    func inside(_ x: Int, _ y: Int) -> Bool {
      let column = Int(
        bounded: ((Float(x) + 0.5 - box.x1) / box.width * Float(columns)).rounded(.down))
      let row = Int(bounded: ((Float(y) + 0.5 - box.y1) / box.height * Float(rows)).rounded(.down))
      guard row >= 0, column >= 0, row < rows, column < columns else { return false }
      return mask.values[row * columns + column] > 0.5
    }
    let area = box.clipped(width: Float(width), height: Float(height))
    for y in Int(area.y1)..<max(Int(area.y1), min(Int(area.y2.rounded(.up)), height)) {
      for x in Int(area.x1)..<max(Int(area.x1), min(Int(area.x2.rounded(.up)), width))
      where inside(x, y) {
        let edge =
          !inside(x - 1, y) || !inside(x + 1, y) || !inside(x, y - 1) || !inside(x, y + 1)
        blend(x: x, y: y, colour, edge ? 1 : opacity)
      }
    }
  }
}

/// Labels that wait until everything else is drawn and keep out of each other's way.
private struct PlateStack {
  private struct Plate {
    let words: String
    let box: Box
    let colour: Colour
    let centred: Bool
  }

  private var plates: [Plate] = []

  mutating func add(_ words: String, to box: Box, _ colour: Colour, centred: Bool = false) {
    guard box.x1.isFinite, box.y1.isFinite, box.x2.isFinite, box.y2.isFinite else { return }
    plates.append(Plate(words: words, box: box, colour: colour, centred: centred))
  }

  func draw(on raster: inout Raster) {
    var taken: [Box] = []
    for plate in plates {
      let style = Lettering.text
      let words = style.shortened(plate.words, width: max(raster.width - 6, 20))
      let width = Float(style.width(of: words) + 6)
      let height = Float(style.height + 1)
      let box = plate.box
      let left = plate.centred ? box.x1 - width / 2 : box.x1 - 1
      // Above the box, then inside it at the top, below it, at its right end, then further up.
      let candidates = [
        Point(left, box.y1 - height), Point(left, box.y1), Point(left, box.y2),
        Point(box.x2 - width, box.y1 - height), Point(box.x2 - width, box.y2 - height),
        Point(left, box.y1 - 2 * height), Point(left, box.y2 + height),
      ].map { corner in
        let x = min(max(corner.x, 0), max(Float(raster.width) - width, 0)).rounded()
        let y = min(max(corner.y, 0), max(Float(raster.height) - height, 0)).rounded()
        return Box(x, y, x + width, y + height)
      }
      let free = candidates.first { candidate in
        !taken.contains {
          $0.x1 < candidate.x2 && candidate.x1 < $0.x2 && $0.y1 < candidate.y2
            && candidate.y1 < $0.y2
        }
      }
      guard let place = free ?? candidates.first else { continue }
      taken.append(place)
      raster.fill(place, plate.colour)
      raster.write(words, x: Int(place.x1) + 3, y: Int(place.y1) + 1, plate.colour.legibleInk)
    }
  }
}
