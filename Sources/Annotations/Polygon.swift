// Polygons as masks. Source: the behaviour of COCO's rleFrPoly, as pycocotools 2.0 shows it.
//
// The polygon's corners are rounded to a grid five times as fine as the image. Its edges are walked
// on that grid, one cell at a time along the longer axis. Where the walk crosses the middle of a
// column of the image, the mask changes its value at the next pixel whose middle lies at or below
// the crossing, and keeps the new value to the next crossing in the order of the encoding.

import Tensors

/// A closed polygon in continuous image coordinates: pixel i covers [i, i + 1).
public struct Polygon: Sendable, Equatable {
  /// `x0 y0 x1 y1 …`, at least three corners.
  public let coordinates: [Double]

  /// Coordinates beyond this are not rasterised: no image is as large.
  static let farthest = 1e6

  /// Makes a polygon of `x0 y0 x1 y1 …`; nil if the count is odd or under six, or a number is not
  /// finite or beyond a million.
  public init?(_ coordinates: [Double]) {
    guard coordinates.count >= 6, coordinates.count % 2 == 0,
      coordinates.allSatisfy({ abs($0) <= Self.farthest })
    else { return nil }
    self.coordinates = coordinates
  }

  /// The corners of a box.
  public init?(_ box: COCOBox) {
    let (right, bottom) = (box.x + box.width, box.y + box.height)
    self.init([box.x, box.y, box.x, bottom, right, bottom, right, box.y])
  }
}

extension RunLengthEncoding {
  /// Rasterises a polygon to the same pixels as pycocotools.
  ///
  /// - Complexity: O(corners x columns that an edge spans) and the pixels of the columns / 64
  public init(_ polygon: Polygon, width: Int, height: Int) {
    let points = stride(from: 0, to: polygon.coordinates.count, by: 2).map { index in
      FinePoint(
        x: FinePoint.rounded(polygon.coordinates[index]),
        y: FinePoint.rounded(polygon.coordinates[index + 1]))
    }
    let reach = points.map(\.x)
    let first = FinePoint.firstColumn(after: reach.min() ?? 0)
    let last = min(FinePoint.lastColumn(before: reach.max() ?? 0), width - 1)
    guard first <= last, height > 0 else {
      self.init(filled: false, width: width, height: height)
      return
    }
    // One bit per pixel of the columns that are crossed, and one for the end of the last column:
    // two changes at one pixel cancel.
    var changes = [UInt64](repeating: 0, count: ((last - first + 1) * height + 64) / 64)
    for (index, point) in points.enumerated() {
      let edge = FineEdge(point, points[index + 1 < points.count ? index + 1 : 0])
      let from = max(FinePoint.firstColumn(after: edge.least), first)
      let to = min(FinePoint.lastColumn(before: edge.greatest), last)
      guard from <= to else { continue }
      for column in from...to {
        let row = FinePoint.row(of: edge.upperRow(besides: 5 * column + 2), height: height)
        let place = (column - first) * height + row
        changes[place / 64] ^= 1 << UInt64(place % 64)
      }
    }
    var runs = RunList()
    runs.extend(false, by: first * height)
    var (value, position) = (false, 0)
    for (index, bits) in changes.enumerated() {
      var rest = bits
      while rest != 0 {
        let place = 64 * index + rest.trailingZeroBitCount
        runs.extend(value, by: place - position)
        (value, position) = (!value, place)
        rest &= rest - 1
      }
    }
    runs.extend(value, by: (width - first) * height - position)
    self.init(trusted: runs.finished, width: width, height: height)
  }
}

/// A place on the grid that is five times as fine as the image.
private struct FinePoint {
  var x: Int
  var y: Int

  /// `trunc(5 c + 0.5)`: towards zero, also where the coordinate is negative, as in C.
  static func rounded(_ coordinate: Double) -> Int { Int(5 * coordinate + 0.5) }

  /// The first column of the image whose middle, between fine columns 5 c + 2 and 5 c + 3, is
  /// crossed by a walk that begins at a fine column; not negative.
  static func firstColumn(after x: Int) -> Int { x <= 2 ? 0 : (x + 2) / 5 }

  /// The last such column of a walk that ends at a fine column; negative if there is none.
  static func lastColumn(before x: Int) -> Int { x < 3 ? -1 : (x - 3) / 5 }

  /// The first row of the image whose middle does not lie above a fine row, from 0 to the height.
  static func row(of y: Int, height: Int) -> Int {
    let row = (Double(y) + 0.5) / 5 - 0.5
    return Int(min(max(row, 0), Double(height)).rounded(.up))
  }
}

/// The walk along one edge, one cell at a time along its longer axis.
private struct FineEdge {
  private let start: FinePoint
  private let isFlat: Bool
  private let steps: Int
  /// Cells along the shorter axis per cell along the longer one.
  private let slope: Double
  /// The least fine column.
  let least: Int
  /// The greatest.
  let greatest: Int

  init(_ first: FinePoint, _ second: FinePoint) {
    let (dx, dy) = (abs(second.x - first.x), abs(second.y - first.y))
    isFlat = dx >= dy
    steps = max(dx, dy)
    // The walk begins at the end that is first along the longer axis.
    let isReversed = isFlat ? first.x > second.x : first.y > second.y
    let end = isReversed ? first : second
    start = isReversed ? second : first
    slope =
      steps == 0
      ? 0 : Double(isFlat ? end.y - start.y : end.x - start.x) / Double(steps)
    least = min(first.x, second.x)
    greatest = max(first.x, second.x)
  }

  /// The upper one of the two rows on which the walk is left and right of the line between two fine
  /// columns, `column` and the next.
  func upperRow(besides column: Int) -> Int {
    guard isFlat else { return start.y + stepBefore(column) }
    let step = column - start.x
    return min(shorter(start.y, step), shorter(start.y, step + 1))
  }

  /// The place along the shorter axis after some steps along the longer one.
  private func shorter(_ origin: Int, _ step: Int) -> Int {
    Int(Double(origin) + slope * Double(step) + 0.5)
  }

  /// The last step of a steep walk before it crosses from `column` to the next one or back.
  private func stepBefore(_ column: Int) -> Int {
    func isBefore(_ step: Int) -> Bool {
      let x = shorter(start.x, step)
      return slope > 0 ? x <= column : x > column
    }
    let guess = (Double(column) + 0.5 - Double(start.x)) / slope
    var step = Int(min(max(guess, 0), Double(steps - 1)))
    while step > 0, !isBefore(step) { step -= 1 }
    while step + 1 < steps, isBefore(step + 1) { step += 1 }
    return step
  }
}
