// Stage 9, one RoI's gradient through the three RoI operators.
//
// C channels, H W rows and columns of the RoI's level, Y X bins.

import Stage4RoI
import Tensors

/// The gradient at one RoI's features, passed back through RoIPool, RoIWarp and RoIAlign to the
/// level that the features were read from: the same numbers arrive at different cells.
public struct RoIGradientExample: Sendable {
  /// Which of the sampled RoIs.
  public let roi: Int
  /// In input pixels.
  public let box: Box
  /// The level that it is read from, 2 for P2.
  public let level: Int
  /// Input pixels per cell.
  public let stride: Int
  /// The channel that is shown: the one whose gradient has the greatest norm.
  public let channel: Int
  /// dL/dfeatures of the RoI in that channel, `[Y, X]`.
  public let bins: Tensor
  /// The first cell around the RoI that is shown.
  public let origin: (x: Int, y: Int)
  /// The level's features around the RoI in that channel.
  public let features: Tensor
  /// The operators, and the gradient of each at these cells.
  public let operators: [(operator: RoIOperator, gradient: Tensor)]

  /// Passes a RoI's gradient back.
  ///
  /// - Parameters:
  ///   - gradient: of the features of all RoIs, `[R, C, Y, X]`
  ///   - roiOperator: the network's own, whose sampling ratio the others take over
  public init(
    _ roi: Int, of rois: [RoI], gradient: Tensor, _ pyramid: RoIPyramid,
    operator roiOperator: RoIOperator
  ) {
    self.roi = roi
    box = rois[roi].box
    level = pyramid.level(of: box)
    stride = pyramid.stride(ofLevel: level)
    let features = pyramid.features(ofLevel: level).slice(rois[roi].image)  // [C, H, W]
    let own = gradient.slice(roi)  // [C, Y, X]
    let norms = (0..<own.shape[0]).map { norm(own.slice($0).values) }
    channel = norms.indices.max { norms[$0] < norms[$1] } ?? 0
    bins = own.slice(channel)

    let (rows, columns) = (features.shape[1], features.shape[2])
    let around = RoISurroundings(
      box, spatialScale: 1 / Float(stride), rows: rows, columns: columns)
    origin = (around.x, around.y)
    let plane = features.slice(channel).reshaped([1, rows, columns])
    self.features = around.cut(plane).slice(0)
    let (box, stride, bins) = (box, stride, bins)
    operators = roiOperator.family.map { other in
      let passed = other.gradient(
        bins.reshaped([1, 1, bins.shape[0], bins.shape[1]]), features: plane, boxes: [box],
        spatialScale: 1 / Float(stride))  // [1, H, W]
      return (other, around.cut(passed).slice(0))
    }
  }

  /// The positive RoI inside the image whose gradient has the greatest norm; where there is none,
  /// one at the edge, or a negative one.
  ///
  /// - Parameters:
  ///   - places: which of the RoIs are positive
  ///   - size: the input without padding
  public static func choice(
    of rois: [RoI], gradient: Tensor, positive places: [Int], width: Float, height: Float
  ) -> Int? {
    func isInside(_ box: Box) -> Bool {
      box.x1 > 1 && box.y1 > 1 && box.x2 < width - 1 && box.y2 < height - 1
    }
    let positive = places.isEmpty ? Array(rois.indices) : places
    let inside = positive.filter { isInside(rois[$0].box) }
    let candidates = inside.isEmpty ? positive : inside
    let norms = candidates.map { norm(gradient.slice($0).values) }
    return norms.indices.max { norms[$0] < norms[$1] }.map { candidates[$0] }
  }
}

extension RoIOperator {
  /// RoIPool, RoIWarp and RoIAlign, with this operator's number of samples and reduction.
  fileprivate var family: [RoIOperator] {
    switch self {
    case .pool:
      [.pool, .warp(samplingRatio: 2, maximum: false), .torchvision]
    case .warp(let ratio, let maximum):
      [.pool, self, .align(samplingRatio: ratio, aligned: false, maximum: maximum)]
    case .align(let ratio, _, let maximum):
      [.pool, .warp(samplingRatio: ratio, maximum: maximum), self]
    }
  }
}
