// Stage 4, which RoI is shown as an example, and the part of the map that operators read for it.

import Stage1Backbone
import Tensors

/// The best proposal that lies inside the image and does not touch its edge; of proposals that
/// all touch it the best, nil where there are none.
///
/// - Parameter proposals: by descending score; the 100 best are looked at
public func bestInside(_ proposals: [Box], width: Float, height: Float) -> Int? {
  let best = proposals.indices.prefix(100)
  return best.first { proposals[$0].isInside(width: width, height: height) } ?? best.first
}

extension Box {
  /// Whether the box lies inside an image and does not touch its edge.
  func isInside(width: Float, height: Float) -> Bool {
    x1 > 0 && y1 > 0 && x2 < width && y2 < height
  }
}

/// The cells around a RoI: a cell or two more than any operator reads.
public struct RoISurroundings: Sendable, Equatable {
  /// First column.
  public let x: Int
  /// First row.
  public let y: Int
  /// Columns, at least 1.
  public let columns: Int
  /// Rows, at least 1.
  public let rows: Int

  /// The cells around a box, limited to a map of `rows` x `columns`.
  ///
  /// - Parameter spatialScale: cells per pixel
  public init(_ box: Box, spatialScale: Float, rows height: Int, columns width: Int) {
    let across = QuantisedBins(
      from: box.x1, to: box.x2, spatialScale: spatialScale, count: 1, limit: width)
    let down = QuantisedBins(
      from: box.y1, to: box.y2, spatialScale: spatialScale, count: 1, limit: height)
    x = min(max(min(Int(bounded: box.x1 * spatialScale), across.start) - 1, 0), width - 1)
    y = min(max(min(Int(bounded: box.y1 * spatialScale), down.start) - 1, 0), height - 1)
    columns = max(min(across.start + across.extent + 2, width), x + 1) - x
    rows = max(min(down.start + down.extent + 2, height), y + 1) - y
  }

  /// These cells of a level `[C, H, W]` or `[1, C, H, W]`: `[C, rows, columns]`.
  public func cut(_ features: Tensor) -> Tensor {
    let axis = features.shape.rank - 3
    let (channels, height, width) = (
      features.shape[axis], features.shape[axis + 1], features.shape[axis + 2]
    )
    let values = (0..<channels).flatMap { channel in
      (y..<y + rows).flatMap { row -> ArraySlice<Float> in
        let first = (channel * height + row) * width + x
        return features.values[first..<first + columns]
      }
    }
    return Tensor([channels, rows, columns], values)
  }

  /// The channel of a level `[C, H, W]` or `[1, C, H, W]` that varies most in these cells.
  public func mostVaryingChannel(_ features: Tensor) -> Int {
    mostVarying(cut(features), count: 1).first ?? 0
  }
}
