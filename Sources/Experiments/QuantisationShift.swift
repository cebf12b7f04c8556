// How far RoIPool moves a RoI before it has read anything. Paper: section 3, "RoIAlign": "these
// quantizations introduce misalignments between the RoI and the extracted features".

import Stage4RoI
import Tensors

/// How far the rounding of RoIPool and RoIWarp moves the edges of one proposal, in pixels of the
/// resized image; positive to the right or down. RoIAlign moves none.
///
/// With the stride S and `round` to the nearest cell,
///
///     left  = round(x1 / S) S - x1            between -S / 2 and S / 2
///     right = (round(x2 / S) + 1) S - x2      between  S / 2 and 3 S / 2
///
/// because the last cell counts in full; upper and lower edge likewise. The bins of RoIPool are
/// rounded once more, which moves inner borders by less than a cell and the outer edges not.
public struct QuantisationShift: Sendable, Equatable {
  /// The level that the proposal is read from, 0 for P2.
  public var level: Int
  /// Pixels per cell of the level.
  public var stride: Int
  /// Of the left edge.
  public var left: Float
  /// Of the upper edge.
  public var top: Float
  /// Of the right edge.
  public var right: Float
  /// Of the lower edge.
  public var bottom: Float

  /// Rounds a box as RoIPool does on a level.
  public init(_ box: Box, level: Int, stride: Int) {
    func shift(_ low: Float, _ high: Float) -> (Float, Float) {
      // Neither the number of bins nor the map's end moves the outer edges.
      let cells = QuantisedBins(
        from: low, to: high, spatialScale: 1 / Float(stride), count: 1, limit: .max)
      return (
        Float(cells.start * stride) - low, Float((cells.start + cells.extent) * stride) - high
      )
    }
    self.level = level
    self.stride = stride
    (left, right) = shift(box.x1, box.x2)
    (top, bottom) = shift(box.y1, box.y2)
  }
}

extension QuantisationShift {
  /// The shifts of boxes, each on the level that fits it.
  public static func of(_ boxes: [Box], on pyramid: RoIPyramid) -> [QuantisationShift] {
    boxes.map { box in
      let level = pyramidLevel(of: box, among: RoIStage.levelNumbers)
      return QuantisationShift(box, level: level, stride: pyramid.strides[level])
    }
  }
}
