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
    let (width, height) = (reference.width, reference.height)
    let centreX = reference.x1 + 0.5 * width
    let centreY = reference.y1 + 0.5 * height
    let decodedX = dx / weights.x * width + centreX
    let decodedY = dy / weights.y * height + centreY
    let decodedWidth = expf(min(dw / weights.width, BoxCoder.greatestLogarithm)) * width
    let decodedHeight = expf(min(dh / weights.height, BoxCoder.greatestLogarithm)) * height
    let halfWidth = 0.5 * decodedWidth
    let halfHeight = 0.5 * decodedHeight
    return Box(
      decodedX - halfWidth, decodedY - halfHeight, decodedX + halfWidth, decodedY + halfHeight)
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
