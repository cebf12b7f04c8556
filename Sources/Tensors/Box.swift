/// An axis-parallel rectangle in continuous image coordinates: pixel i covers [i, i + 1).
///
/// Width is `x2 - x1`, with no "+ 1": torchvision's convention, and detectron2's.
public struct Box: Hashable, Sendable {
  /// Left edge.
  public var x1: Float
  /// Upper edge.
  public var y1: Float
  /// Right edge.
  public var x2: Float
  /// Lower edge.
  public var y2: Float

  /// Makes a box from its four edges.
  public init(_ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float) {
    self.x1 = x1
    self.y1 = y1
    self.x2 = x2
    self.y2 = y2
  }

  /// `x2 - x1`
  public var width: Float { x2 - x1 }
  /// `y2 - y1`
  public var height: Float { y2 - y1 }
  /// `width * height`
  public var area: Float { width * height }

  /// The box with its edges moved inside an image of the given size.
  public func clipped(width: Float, height: Float) -> Box {
    Box(
      min(max(x1, 0), width), min(max(y1, 0), height),
      min(max(x2, 0), width), min(max(y2, 0), height))
  }

  /// The least box around some boxes and a margin; nil around none.
  public init?(around boxes: [Box], margin: Float) {
    guard let first = boxes.first else { return nil }
    var around = first
    for box in boxes.dropFirst() {
      (around.x1, around.y1) = (min(around.x1, box.x1), min(around.y1, box.y1))
      (around.x2, around.y2) = (max(around.x2, box.x2), max(around.y2, box.y2))
    }
    self.init(around.x1 - margin, around.y1 - margin, around.x2 + margin, around.y2 + margin)
  }

  /// Whether both sides have at least this length.
  public func isAtLeast(_ side: Float) -> Bool { width >= side && height >= side }

  /// The box with every x multiplied by one factor and every y by another.
  public func scaled(x: Float, y: Float) -> Box {
    Box(x1 * x, y1 * y, x2 * x, y2 * y)
  }

  /// The area that two boxes share, `|A n B|`.
  public func intersection(_ other: Box) -> Float {
    let left = max(x1, other.x1)
    let top = max(y1, other.y1)
    let right = min(x2, other.x2)
    let bottom = min(y2, other.y2)
    return max(0, right - left) * max(0, bottom - top)
  }

  /// The area that at least one of two boxes covers, `|A| + |B| - |A n B|`.
  public func union(_ other: Box) -> Float { area + other.area - intersection(other) }

  /// Intersection over union, `|A n B| / (|A| + |B| - |A n B|)`, with torchvision's order of
  /// operations, so that a comparison with a threshold falls as it does there. NaN where both
  /// boxes are empty, as there; NaN is greater than no threshold.
  public func intersectionOverUnion(_ other: Box) -> Float {
    intersection(other) / union(other)
  }
}

extension Tensor {
  /// A tensor `[boxes.count, 4]` of `x1 y1 x2 y2`.
  public init(boxes: [Box]) {
    self.init(uninitialized: [boxes.count, 4]) { values in
      for (row, box) in boxes.enumerated() {
        values[4 * row] = box.x1
        values[4 * row + 1] = box.y1
        values[4 * row + 2] = box.x2
        values[4 * row + 3] = box.y2
      }
    }
  }

  /// The boxes in a tensor whose last axis holds `x1 y1 x2 y2`.
  public var boxes: [Box] {
    precondition(shape.rank > 0 && shape[shape.rank - 1] == 4, "\(shape) does not hold boxes")
    return stride(from: 0, to: count, by: 4).map {
      Box(values[$0], values[$0 + 1], values[$0 + 2], values[$0 + 3])
    }
  }
}
