// Stage 4, RoIAlign. Paper: section 3, "RoIAlign", and figure 3. RoIWarp is in this file too: it is
// RoIAlign on a RoI whose corners have been rounded (section 3, last lines of "RoIAlign").

import Kernels
import Tensors

/// Where the samples of one RoI lie, in cells of the map.
///
/// A bin is divided into `n x m` equal parts and sampled at the centre of each.
public struct SampleGrid: Sendable, Equatable {
  /// Left edge of the RoI, in cells, not rounded.
  public let x: Float
  /// Upper edge of the RoI.
  public let y: Float
  /// Width of one bin.
  public let binWidth: Float
  /// Height of one bin.
  public let binHeight: Float
  /// Samples per bin along x.
  public let columns: Int
  /// Samples per bin along y.
  public let rows: Int

  /// Lays the grid of RoIAlign.
  ///
  /// - `aligned == false`: edges at `x s`, and a RoI is at least one cell wide and high.
  /// - `aligned == true`: edges at `x s - 0.5`, because cell i has its centre at i + 0.5 in
  ///   continuous coordinates but is found at index i.
  public init(
    box: Box, spatialScale: Float, bins: BinGrid, samplingRatio: Int, aligned: Bool
  ) {
    let offset: Float = aligned ? 0.5 : 0
    let left = box.x1 * spatialScale - offset
    let top = box.y1 * spatialScale - offset
    var width = box.x2 * spatialScale - offset - left
    var height = box.y2 * spatialScale - offset - top
    if !aligned {
      width = max(width, 1)
      height = max(height, 1)
    }
    self.init(
      x: left, y: top, width: width, height: height, bins: bins, samplingRatio: samplingRatio)
  }

  /// Lays the grid of RoIWarp: the corners rounded to whole cells as RoIPool does, and the far
  /// corner's cell counted in full.
  public init(warping box: Box, spatialScale: Float, bins: BinGrid, samplingRatio: Int) {
    let left = roundedAwayFromZero(box.x1 * spatialScale)
    let top = roundedAwayFromZero(box.y1 * spatialScale)
    let width = max(roundedAwayFromZero(box.x2 * spatialScale) - left + 1, 1)
    let height = max(roundedAwayFromZero(box.y2 * spatialScale) - top + 1, 1)
    self.init(
      x: Float(left), y: Float(top), width: Float(width), height: Float(height), bins: bins,
      samplingRatio: samplingRatio)
  }

  private init(
    x: Float, y: Float, width: Float, height: Float, bins: BinGrid, samplingRatio: Int
  ) {
    self.x = x
    self.y = y
    binWidth = width / Float(bins.columns)
    binHeight = height / Float(bins.rows)
    func samples(_ binSize: Float) -> Int {
      if samplingRatio > 0 { return samplingRatio }
      guard binSize.isFinite else { return 0 }
      return max(0, Int(min(binSize.rounded(.up), 1e6)))
    }
    columns = samples(binWidth)
    rows = samples(binHeight)
  }

  /// The left edge of bin `bin`; of the bin after the last, the RoI's right edge.
  package func edgeX(bin: Int) -> Float { x + Float(bin) * binWidth }

  /// The upper edge of bin `bin`; of the bin after the last, the RoI's lower edge.
  package func edgeY(bin: Int) -> Float { y + Float(bin) * binHeight }

  /// The x of sample `sample` of bin `bin`.
  public func sampleX(bin: Int, sample: Int) -> Float {
    edgeX(bin: bin) + (Float(sample) + 0.5) * binWidth / Float(columns)
  }

  /// The y of sample `sample` of bin `bin`.
  public func sampleY(bin: Int, sample: Int) -> Float {
    edgeY(bin: bin) + (Float(sample) + 0.5) * binHeight / Float(rows)
  }
}

/// The two cells along one axis that a sample lies between, and the weight of each.
public struct BilinearWeights: Sendable, Equatable {
  /// The nearer cell towards 0.
  public let low: Int
  /// The next cell, or the same at the map's far edge.
  public let high: Int
  /// Weight of `low`.
  public let lowWeight: Float
  /// Weight of `high`.
  public let highWeight: Float

  /// The cells around a position on an axis of `extent` cells; nil more than a cell outside, where
  /// a sample counts as 0. Between, a position outside takes the value at the edge.
  public init?(_ position: Float, extent: Int) {
    guard position >= -1, position <= Float(extent) else { return nil }
    let inside = max(position, 0)
    let cell = Int(inside)
    guard cell < extent - 1 else {
      low = extent - 1
      high = extent - 1
      lowWeight = 1
      highWeight = 0
      return
    }
    low = cell
    high = cell + 1
    highWeight = inside - Float(cell)
    lowWeight = 1 - highWeight
  }
}

/// The value of a map between four cells, each weighted by its nearness along both axes; 0 where an
/// axis has no weights, more than a cell outside the map.
///
/// - Parameter plane: one channel of the map, rows of `columns` cells
@inline(__always)
package func bilinearSample(
  _ plane: UnsafePointer<Float>, columns: Int, _ vertical: BilinearWeights?,
  _ horizontal: BilinearWeights?
) -> Float {
  guard let v = vertical, let h = horizontal else { return 0 }
  let (above, below) = (plane + v.low * columns, plane + v.high * columns)
  return v.lowWeight * h.lowWeight * above[h.low]
    + v.lowWeight * h.highWeight * above[h.high]
    + v.highWeight * h.lowWeight * below[h.low]
    + v.highWeight * h.highWeight * below[h.high]
}

/// RoIAlign: nothing is rounded. Each bin is sampled at regular points by bilinear interpolation
/// of the four nearest cells, and gives the samples' average (or maximum).
///
/// - Parameters:
///   - features: `[C, H, W]`
///   - boxes: R boxes in pixels
///   - spatialScale: cells per pixel
///   - bins: the grid, Y x X
///   - samplingRatio: samples per bin along each axis; 0 for one per cell that the bin spans
///   - aligned: see `SampleGrid`
///   - maximum: whether a bin takes the greatest sample (paper, table 2c) rather than the average
/// - Returns: `[R, C, Y, X]`
/// - Complexity: O(R C Y X samples)
public func roiAlign(
  _ features: Tensor, boxes: [Box], spatialScale: Float, bins: BinGrid, samplingRatio: Int,
  aligned: Bool, maximum: Bool = false
) -> Tensor {
  sampled(features, boxes: boxes, bins: bins, maximum: maximum) { box in
    SampleGrid(
      box: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio,
      aligned: aligned)
  }
}

/// RoIWarp: the RoI's corners are rounded as in RoIPool, then its bins are sampled as in RoIAlign.
/// The bilinear samples alone do not help while the RoI itself is misplaced (paper, table 2c).
///
/// Parameters and result as in `roiAlign`.
public func roiWarp(
  _ features: Tensor, boxes: [Box], spatialScale: Float, bins: BinGrid, samplingRatio: Int,
  maximum: Bool = false
) -> Tensor {
  sampled(features, boxes: boxes, bins: bins, maximum: maximum) { box in
    SampleGrid(
      warping: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio)
  }
}

/// Samples every RoI on its grid and reduces each bin.
private func sampled(
  _ features: Tensor, boxes: [Box], bins: BinGrid, maximum: Bool,
  grid: @Sendable (Box) -> SampleGrid
) -> Tensor {
  let (channels, rows, columns) = (features.shape[0], features.shape[1], features.shape[2])
  return perRoI(features, boxes: boxes, bins: bins) { map, box, output in
    let grid = grid(box)
    let vertical = (0..<bins.rows).map { bin in
      (0..<grid.rows).map {
        BilinearWeights(grid.sampleY(bin: bin, sample: $0), extent: rows)
      }
    }
    let horizontal = (0..<bins.columns).map { bin in
      (0..<grid.columns).map {
        BilinearWeights(grid.sampleX(bin: bin, sample: $0), extent: columns)
      }
    }
    let count = Float(max(grid.rows * grid.columns, 1))
    for channel in 0..<channels {
      let plane = map + channel * rows * columns
      for y in 0..<bins.rows {
        for x in 0..<bins.columns {
          var sum: Float = 0
          var greatest = -Float.infinity
          for v in vertical[y] {
            for h in horizontal[x] {
              let sample = bilinearSample(plane, columns: columns, v, h)
              sum += sample
              greatest = max(greatest, sample)
            }
          }
          output[(channel * bins.rows + y) * bins.columns + x] =
            maximum ? (greatest.isFinite ? greatest : 0) : sum / count
        }
      }
    }
  }
}
