// Stage 4, RoIPool. Girshick 2015 (Fast R-CNN), section 2.1; the paper's section 3, "RoIAlign",
// names the two roundings below as what RoIAlign removes.

import Kernels
import Tensors

/// The cells that RoIPool's bins cover, along one axis of one RoI.
public struct QuantisedBins: Sendable, Equatable {
  /// First cell of the RoI: its corner, rounded.
  public let start: Int
  /// Cells in the RoI, at least 1: the other corner is rounded too and counts in full.
  public let extent: Int
  /// The cells of each bin, limited to the map: `start + floor(i e / n) ..< start + ceil((i + 1) e
  /// / n)`. Neighbouring bins may share a cell; a bin outside the map is empty.
  public let bins: [Range<Int>]

  /// Rounds a RoI's edges, in pixels, to the cells of a map.
  public init(from low: Float, to high: Float, spatialScale: Float, count: Int, limit: Int) {
    start = roundedAwayFromZero(low * spatialScale)
    extent = max(roundedAwayFromZero(high * spatialScale) - start + 1, 1)
    let binSize = Float(extent) / Float(count)
    let first = start
    bins = (0..<count).map { index in
      let begin = Int((Float(index) * binSize).rounded(.down)) + first
      let end = Int((Float(index + 1) * binSize).rounded(.up)) + first
      let clamped = min(max(begin, 0), limit)
      return clamped..<max(clamped, min(max(end, 0), limit))
    }
  }
}

/// A coordinate rounded to the nearest cell, halves away from zero, as C's `round` does; kept in a
/// range in which sums of a few cannot overflow.
func roundedAwayFromZero(_ value: Float) -> Int {
  guard value.isFinite else { return 0 }
  return Int(min(max(value.rounded(.toNearestOrAwayFromZero), -1e9), 1e9))
}

/// RoIPool: the RoI's corners are rounded to whole cells, the RoI is split into bins that are
/// rounded to whole cells again, and each bin gives its maximum; an empty bin gives 0.
///
/// Rounding moves the left and upper edge by up to half a cell, at stride 16 eight input
/// pixels; the other edges by up to one and a half, because the last cell counts in full.
///
/// - Parameters:
///   - features: `[C, H, W]`
///   - boxes: R boxes in pixels
///   - spatialScale: cells per pixel
///   - bins: the grid, Y x X
/// - Returns: `[R, C, Y, X]`
/// - Complexity: O(C) times the cells of all RoIs
public func roiPool(
  _ features: Tensor, boxes: [Box], spatialScale: Float, bins: BinGrid
) -> Tensor {
  let (channels, rows, columns) = (features.shape[0], features.shape[1], features.shape[2])
  return perRoI(features, boxes: boxes, bins: bins) { map, box, output in
    let vertical = QuantisedBins(
      from: box.y1, to: box.y2, spatialScale: spatialScale, count: bins.rows, limit: rows)
    let horizontal = QuantisedBins(
      from: box.x1, to: box.x2, spatialScale: spatialScale, count: bins.columns,
      limit: columns)
    for channel in 0..<channels {
      let plane = map + channel * rows * columns
      for (y, binRows) in vertical.bins.enumerated() {
        for (x, binColumns) in horizontal.bins.enumerated() {
          let isEmpty = binRows.isEmpty || binColumns.isEmpty
          var greatest: Float = isEmpty ? 0 : -.greatestFiniteMagnitude
          for row in binRows {
            for column in binColumns {
              greatest = max(greatest, plane[row * columns + column])
            }
          }
          output[(channel * bins.rows + y) * bins.columns + x] = greatest
        }
      }
    }
  }
}

/// Runs `body` for every RoI, on all threads; each writes its own `[C, Y, X]`.
func perRoI(
  _ features: Tensor, boxes: [Box], bins: BinGrid,
  _ body:
    @Sendable (
      _ map: UnsafePointer<Float>, _ box: Box, _ output: UnsafeMutablePointer<Float>
    ) -> Void
) -> Tensor {
  precondition(features.shape.rank == 3, "a level's features are [C, H, W], not \(features.shape)")
  let each = features.shape[0] * bins.count
  var result = Tensor(
    [boxes.count, features.shape[0], bins.rows, bins.columns], repeating: 0)  // [R, C, Y, X]
  // A map without cells has nothing to sample: zeros.
  guard features.count > 0, bins.count > 0 else { return result }
  result.values.withUnsafeMutableBufferPointer { output in
    features.values.withUnsafeBufferPointer { map in
      guard let map = map.baseAddress, let output = output.baseAddress else { return }
      nonisolated(unsafe) let (source, target) = (map, output)
      Threads.each(boxes.count) { index in
        body(source, boxes[index], target + index * each)
      }
    }
  }
  return result
}
