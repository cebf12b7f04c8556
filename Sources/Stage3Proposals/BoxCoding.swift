// Stage 3, from deltas to boxes. Girshick et al. 2014 (R-CNN), appendix C.

import CMathematics
import Tensors

/// The order of the four numbers by which a network's weights move a box.
public enum DeltaOrder: String, Sendable, CaseIterable {
  /// dx, dy, dw, dh: Girshick 2014, torchvision, detectron2.
  case xFirst = "dx dy dw dh"
  /// dy, dx, dh, dw: matterport's implementation and TensorFlow's, whose boxes begin with y.
  case yFirst = "dy dx dh dw"
}

/// How a network says where a box is: relative to a reference box, in units of its size.
///
/// With the reference's centre (cx, cy), width w and height h, deltas (dx, dy, dw, dh) mean
///
///     centre = (cx + dx / wx * w, cy + dy / wy * h)
///     size   = (w * exp(dw / ww), h * exp(dh / wh))
///
/// The weights (wx, wy, ww, wh) make the deltas that training sees of order 1.
public struct BoxCoder: Sendable, Equatable {
  /// Divides dx, dy, dw, dh.
  public var weights: (x: Float, y: Float, width: Float, height: Float)

  /// `dw` and `dh` are limited to this before `exp`: log(1000 / 16), a box of 16 pixels grown to
  /// 1000, so that a wild prediction cannot overflow.
  public static let greatestLogarithm = Float(log(1000.0 / 16.0))

  /// The region proposal network's coder: weights of 1.
  public static let proposals = BoxCoder(weights: (1, 1, 1, 1))
  /// The box head's coder: weights 10, 10, 5, 5.
  public static let detections = BoxCoder(weights: (10, 10, 5, 5))

  /// Makes a coder.
  public init(weights: (x: Float, y: Float, width: Float, height: Float)) {
    self.weights = weights
  }

  /// The box that deltas mean relative to a reference box.
  public func decode(_ dx: Float, _ dy: Float, _ dw: Float, _ dh: Float, reference: Box) -> Box {
    steps(dx, dy, dw, dh, reference: reference).box
  }

  /// What `decode` computes on its way.
  package struct Steps {
    /// The reference's centre.
    package let centre: (x: Float, y: Float)
    /// `dw / ww` and `dh / wh`.
    package let growth: (width: Float, height: Float)
    /// The same, limited to `greatestLogarithm`.
    package let limited: (width: Float, height: Float)
    /// The decoded box's centre.
    package let moved: (x: Float, y: Float)
    /// Its size.
    package let size: (width: Float, height: Float)

    /// The decoded box.
    package var box: Box {
      let halfWidth = 0.5 * size.width
      let halfHeight = 0.5 * size.height
      return Box(
        moved.x - halfWidth, moved.y - halfHeight, moved.x + halfWidth, moved.y + halfHeight)
    }
  }

  /// Every step from deltas to the box that they mean.
  package func steps(
    _ dx: Float, _ dy: Float, _ dw: Float, _ dh: Float, reference: Box
  ) -> Steps {
    let (width, height) = (reference.width, reference.height)
    let centre = (x: reference.x1 + 0.5 * width, y: reference.y1 + 0.5 * height)
    let growth = (width: dw / weights.width, height: dh / weights.height)
    let limited = (
      width: min(growth.width, BoxCoder.greatestLogarithm),
      height: min(growth.height, BoxCoder.greatestLogarithm)
    )
    return Steps(
      centre: centre, growth: growth, limited: limited,
      moved: (x: dx / weights.x * width + centre.x, y: dy / weights.y * height + centre.y),
      size: (width: expf(limited.width) * width, height: expf(limited.height) * height))
  }

  /// The deltas that mean `box` relative to a reference box: the inverse of `decode`.
  public func encode(
    _ box: Box, reference: Box
  ) -> (dx: Float, dy: Float, dw: Float, dh: Float) {
    let centreX = reference.x1 + 0.5 * reference.width
    let centreY = reference.y1 + 0.5 * reference.height
    return (
      weights.x * (box.x1 + 0.5 * box.width - centreX) / reference.width,
      weights.y * (box.y1 + 0.5 * box.height - centreY) / reference.height,
      weights.width * logf(box.width / reference.width),
      weights.height * logf(box.height / reference.height)
    )
  }

  /// Whether two coders have the same weights.
  public static func == (a: BoxCoder, b: BoxCoder) -> Bool { a.weights == b.weights }
}

extension BoxCoder {
  /// The deltas that mean boxes relative to reference boxes, pair by pair: what a network is
  /// trained to predict.
  ///
  /// - Parameters:
  ///   - boxes: P boxes
  ///   - references: P boxes with sides greater than 0
  /// - Returns: `[P, 4]`: dx, dy, dw, dh
  public func encode(_ boxes: [Box], references: [Box]) -> Tensor {
    precondition(boxes.count == references.count, "every box has a reference box")
    let deltas = zip(boxes, references).flatMap { box, reference in
      let deltas = encode(box, reference: reference)
      return [deltas.dx, deltas.dy, deltas.dw, deltas.dh]
    }
    return Tensor([boxes.count, 4], deltas)  // [P, 4]
  }
}
