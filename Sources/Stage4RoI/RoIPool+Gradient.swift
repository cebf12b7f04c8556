// Stage 4, RoIPool's gradient. A bin's maximum is the value of one cell, so that cell alone
// receives the bin's gradient. Girshick 2015 (Fast R-CNN), section 2.3, "Back-propagation through
// RoI pooling layers". torchvision: csrc/ops/cpu/roi_pool_kernel.cpp,
// `roi_pool_backward_kernel_impl`.

import Kernels
import Tensors

/// The cells of every bin of one RoI.
struct PooledCells: Sendable {
  /// Rows of each bin.
  let vertical: [Range<Int>]
  /// Columns of each bin.
  let horizontal: [Range<Int>]

  /// Rounds a RoI as `roiPool` does.
  init(_ box: Box, spatialScale: Float, bins: BinGrid, rows: Int, columns: Int) {
    vertical =
      QuantisedBins(
        from: box.y1, to: box.y2, spatialScale: spatialScale, count: bins.rows, limit: rows
      ).bins
    horizontal =
      QuantisedBins(
        from: box.x1, to: box.x2, spatialScale: spatialScale, count: bins.columns, limit: columns
      ).bins
  }
}

/// The gradient of `roiPool` by its features:
///
///     dL/df[c, i, j] = sum of dL/dout[r, c, y, x] over the bins (r, y, x) whose greatest cell is (i, j)
///
/// Of equal cells the first, row by row, receives the gradient, as in torchvision; an empty bin
/// passes none on. This is the definition; `roiFeaturesGradient` computes the same faster.
///
/// - Parameters:
///   - gradient: dL/d output, `[R, C, Y, X]`
///   - features: what the operator was applied to, `[C, H, W]`
///   - boxes, spatialScale: as given to `roiPool`
/// - Returns: `[C, H, W]`
/// - Complexity: O(C) times the cells of all RoIs
public func roiPoolGradient(
  _ gradient: Tensor, features: Tensor, boxes: [Box], spatialScale: Float
) -> Tensor {
  let (rows, columns) = (features.shape[1], features.shape[2])
  let bins = BinGrid(rows: gradient.shape[2], columns: gradient.shape[3])
  let pooled = boxes.map {
    PooledCells($0, spatialScale: spatialScale, bins: bins, rows: rows, columns: columns)
  }
  return perChannel(gradient, features: features, boxes: boxes) { channel, plane, target in
    for (index, cells) in pooled.enumerated() {
      for (y, binRows) in cells.vertical.enumerated() {
        for (x, binColumns) in cells.horizontal.enumerated() {
          var greatest = -Float.greatestFiniteMagnitude
          var chosen: Int?
          for row in binRows {
            for column in binColumns where plane[row * columns + column] > greatest {
              greatest = plane[row * columns + column]
              chosen = row * columns + column
            }
          }
          if let chosen { target[chosen] += gradient[index, channel, y, x] }
        }
      }
    }
  }
}
