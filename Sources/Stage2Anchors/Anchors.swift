// Stage 2, anchors. Paper: section 3.1 "we follow [Faster R-CNN]"; anchors are Ren et al. 2015,
// section 3.1.1, one size per level as in Lin et al. 2017, section 4.1.
//
// In: the grid of each pyramid level.  Out: boxes of fixed shapes at every cell, [H W A, 4], in
// input pixels.  A anchors per cell, H W rows and columns of the level's grid.

import Tensors

/// The anchors of the cell at the origin for several sizes: for every ratio all sizes in turn, the
/// order of torchvision's `AnchorGenerator`.
///
/// - Returns: A boxes, ratios times sizes
public func baseAnchors(sizes: [Float], aspectRatios: [Float]) -> [Box] {
  aspectRatios.flatMap { ratio in
    sizes.flatMap { baseAnchors(size: $0, aspectRatios: [ratio]) }
  }
}

/// The anchors of the cell at the origin, centred on (0, 0): one per aspect ratio r = h / w,
///
///     w = size / sqrt(r),  h = size * sqrt(r)
///
/// so all have the area `size * size`. torchvision rounds the edges to whole pixels (ties to even),
/// and so does this; detectron2 does not.
///
/// - Returns: A boxes
public func baseAnchors(size: Float, aspectRatios: [Float]) -> [Box] {
  aspectRatios.map { ratio in
    let heightRatio = ratio.squareRoot()
    let width = 1 / heightRatio * size
    let height = heightRatio * size
    return Box(
      (-width / 2).rounded(.toNearestOrEven), (-height / 2).rounded(.toNearestOrEven),
      (width / 2).rounded(.toNearestOrEven), (height / 2).rounded(.toNearestOrEven))
  }
}

/// A base anchor moved to a cell's corner, in input pixels.
package func anchor(_ base: Box, x: Float, y: Float) -> Box {
  Box(x + base.x1, y + base.y1, x + base.x2, y + base.y2)
}

/// The anchors of a whole level: the base anchors moved to `(column * stride, row * stride)`, for
/// every row, every column, every shape: in the order of `AnchorGrid`. The corner of a cell, not
/// its centre.
///
/// - Returns: `H W A` boxes
public func gridAnchors(
  base: [Box], rows: Int, columns: Int, rowStride: Int, columnStride: Int
) -> [Box] {
  var anchors: [Box] = []
  anchors.reserveCapacity(rows * columns * base.count)
  for row in 0..<rows {
    let y = Float(row * rowStride)
    for column in 0..<columns {
      let x = Float(column * columnStride)
      for box in base { anchors.append(anchor(box, x: x, y: y)) }
    }
  }
  return anchors
}
