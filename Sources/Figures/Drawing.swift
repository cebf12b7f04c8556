import Foundation
import Tensors

/// A place in a plot or raster, in continuous coordinates: pixel i covers [i, i + 1).
public struct Point: Hashable, Sendable {
  /// Rightward.
  public var x: Float
  /// Downward.
  public var y: Float

  /// Makes a point.
  public init(_ x: Float, _ y: Float) {
    self.x = x
    self.y = y
  }
}

/// How a line is drawn.
public struct Stroke: Hashable, Sendable {
  /// The line's colour.
  public var colour: Colour
  /// The line's width in pixels of the drawing.
  public var thickness: Float
  /// Drawn as dashes.
  public var dashed: Bool

  /// Makes a stroke.
  public init(_ colour: Colour = .ink, thickness: Float = 2, dashed: Bool = false) {
    self.colour = colour
    self.thickness = thickness
    self.dashed = dashed
  }
}

extension Raster {
  /// Mixes a colour into one pixel; nothing happens outside the raster.
  public mutating func blend(x: Int, y: Int, _ colour: Colour, _ opacity: Float) {
    guard x >= 0, y >= 0, x < width, y < height, opacity > 0 else { return }
    let index = 3 * (y * width + x)
    bytes.withUnsafeMutableBufferPointer {
      Raster.blend(colour, min(opacity, 1), into: $0, at: index)
    }
  }

  /// Mixes a colour into the three bytes at `index`; `share` is from 0 to 1.
  @inline(__always)
  static func blend(
    _ colour: Colour, _ share: Float, into bytes: UnsafeMutableBufferPointer<UInt8>, at index: Int
  ) {
    func mixed(_ old: UInt8, _ part: UInt8) -> UInt8 {
      UInt8(rounding: Float(old) + (Float(part) - Float(old)) * share)
    }
    bytes[index] = mixed(bytes[index], colour.red)
    bytes[index + 1] = mixed(bytes[index + 1], colour.green)
    bytes[index + 2] = mixed(bytes[index + 2], colour.blue)
  }

  /// Fills a rectangle of whole pixels.
  public mutating func fill(x: Int, y: Int, width: Int, height: Int, _ colour: Colour) {
    let left = max(x, 0)
    let right = min(x + width, self.width)
    let (top, bottom) = (max(y, 0), min(y + height, self.height))
    guard left < right, top < bottom else { return }
    bytes.withUnsafeMutableBufferPointer { [rowWidth = self.width] bytes in
      for row in top..<bottom {
        for column in left..<right {
          let index = 3 * (row * rowWidth + column)
          bytes[index] = colour.red
          bytes[index + 1] = colour.green
          bytes[index + 2] = colour.blue
        }
      }
    }
  }

  /// Fills a rectangle with continuous edges; a pixel is tinted by the share that it covers.
  public mutating func fill(_ box: Box, _ colour: Colour, opacity: Float = 1) {
    let area = box.clipped(width: Float(width), height: Float(height))
    guard area.width > 0, area.height > 0 else { return }
    for y in Int(area.y1)..<min(Int(area.y2.rounded(.up)), height) {
      let rows = min(area.y2, Float(y + 1)) - max(area.y1, Float(y))
      for x in Int(area.x1)..<min(Int(area.x2.rounded(.up)), width) {
        let columns = min(area.x2, Float(x + 1)) - max(area.x1, Float(x))
        blend(x: x, y: y, colour, rows * columns * opacity)
      }
    }
  }

  /// Draws the edges of a rectangle, the line centred on them.
  public mutating func outline(_ box: Box, _ stroke: Stroke) {
    guard box.x1.isFinite, box.y1.isFinite, box.x2.isFinite, box.y2.isFinite else { return }
    let half = stroke.thickness / 2
    // Horizontal edges take the corners, vertical ones stop short of them: nothing is drawn twice.
    for y in [box.y1, box.y2] {
      for (from, to) in dashes(from: box.x1 - half, to: box.x2 + half, within: width, stroke) {
        fill(Box(from, y - half, to, y + half), stroke.colour)
      }
    }
    for x in [box.x1, box.x2] {
      for (from, to) in dashes(from: box.y1 + half, to: box.y2 - half, within: height, stroke) {
        fill(Box(x - half, from, x + half, to), stroke.colour)
      }
    }
  }

  /// The inked stretches of a line along one axis, restricted to the raster.
  private func dashes(
    from start: Float, to end: Float, within extent: Int, _ stroke: Stroke
  ) -> [(Float, Float)] {
    guard end > start, end > 0, start < Float(extent) else { return [] }
    guard stroke.dashed else { return [(start, end)] }
    let period = Raster.dash + Raster.gap
    var stretches: [(Float, Float)] = []
    // Dashes far outside are skipped in one step.
    var place = start < 0 ? start.truncatingRemainder(dividingBy: period) : start
    while place < min(end, Float(extent)) {
      stretches.append((place, min(place + Raster.dash, end)))
      place += period
    }
    return stretches
  }

  static let dash: Float = 6
  static let gap: Float = 4

  /// Draws a straight line with smooth edges and round ends.
  public mutating func line(from start: Point, to end: Point, _ stroke: Stroke) {
    guard start.x.isFinite, start.y.isFinite, end.x.isFinite, end.y.isFinite else { return }
    let (dx, dy) = (end.x - start.x, end.y - start.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0 else { return disc(start, radius: stroke.thickness / 2, stroke.colour) }
    // Ends further apart than a float can tell are on no image.
    guard length.isFinite else { return }
    let reach = stroke.thickness / 2 + 1
    let limits = Box(
      min(start.x, end.x) - reach, min(start.y, end.y) - reach,
      max(start.x, end.x) + reach, max(start.y, end.y) + reach
    ).clipped(width: Float(width), height: Float(height))
    for y in Int(limits.y1)..<max(Int(limits.y1), min(Int(limits.y2) + 1, height)) {
      let py = Float(y) + 0.5 - start.y
      // Only the columns near the line: where it crosses this row, and its thickness beside.
      var from = Int(limits.x1)
      var to = min(Int(limits.x2) + 1, width)
      if abs(dy) > 1e-3 {
        let middle = start.x + py * dx / dy
        let spread = reach * length / abs(dy) + 1
        from = max(from, Int(bounded: middle - spread))
        to = min(to, Int(bounded: middle + spread) + 1)
      }
      guard from < to else { continue }
      for x in from..<to {
        let px = Float(x) + 0.5 - start.x
        let along = min(max((px * dx + py * dy) / length, 0), length)
        if stroke.dashed,
          along.truncatingRemainder(dividingBy: Raster.dash + Raster.gap) > Raster.dash
        {
          continue
        }
        let (ox, oy) = (px - along * dx / length, py - along * dy / length)
        let distance = (ox * ox + oy * oy).squareRoot()
        blend(x: x, y: y, stroke.colour, stroke.thickness / 2 + 0.5 - distance)
      }
    }
  }

  /// Draws a line with a head at its end.
  public mutating func arrow(from start: Point, to end: Point, _ stroke: Stroke) {
    line(from: start, to: end, stroke)
    let (dx, dy) = (start.x - end.x, start.y - end.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0, length.isFinite else { return }
    let head = min(3 + 2.5 * stroke.thickness, length / 2)
    let (ux, uy) = (dx / length * head, dy / length * head)
    let solid = Stroke(stroke.colour, thickness: stroke.thickness)
    line(from: end, to: Point(end.x + ux - 0.55 * uy, end.y + uy + 0.55 * ux), solid)
    line(from: end, to: Point(end.x + ux + 0.55 * uy, end.y + uy - 0.55 * ux), solid)
  }

  /// Fills a disc with a smooth edge.
  public mutating func disc(_ centre: Point, radius: Float, _ colour: Colour) {
    guard centre.x.isFinite, centre.y.isFinite else { return }
    let limits = Box(
      centre.x - radius - 1, centre.y - radius - 1, centre.x + radius + 1, centre.y + radius + 1
    ).clipped(width: Float(width), height: Float(height))
    guard limits.width > 0, limits.height > 0 else { return }
    for y in Int(limits.y1)..<min(Int(limits.y2) + 1, height) {
      for x in Int(limits.x1)..<min(Int(limits.x2) + 1, width) {
        let (dx, dy) = (Float(x) + 0.5 - centre.x, Float(y) + 0.5 - centre.y)
        blend(x: x, y: y, colour, radius + 0.5 - (dx * dx + dy * dy).squareRoot())
      }
    }
  }

  /// Fills a disc with a rim that sets it off from any background.
  public mutating func dot(_ centre: Point, radius: Float, _ colour: Colour) {
    disc(centre, radius: radius + 1, colour.legibleInk)
    disc(centre, radius: radius, colour)
  }
}
