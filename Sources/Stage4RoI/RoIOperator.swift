// Stage 4, one definition of all operators' inputs. Paper: section 3, "RoIAlign", and section 4.2.
//
// In: a level's features [C, H, W] and boxes in input pixels.  Out: [R, C, Y, X], Y X the fixed
// grid of bins.  R RoIs, C channels, H W rows and columns, s = 1 / stride the spatial scale.

import Kernels
import Tensors

/// How many bins a RoI is divided into. A plain number means as many rows as columns.
public struct BinGrid: Hashable, Sendable, ExpressibleByIntegerLiteral {
  /// Bins along y.
  public let rows: Int
  /// Bins along x.
  public let columns: Int

  /// Makes a grid.
  public init(rows: Int, columns: Int) {
    precondition(rows > 0 && columns > 0, "a grid of \(rows) x \(columns) has no bins")
    self.rows = rows
    self.columns = columns
  }

  /// Makes a square grid.
  public init(_ side: Int) { self.init(rows: side, columns: side) }

  /// Makes a square grid.
  public init(integerLiteral side: Int) { self.init(side) }

  /// The number of bins.
  public var count: Int { rows * columns }
}

/// How the features of a RoI of any size become a grid of fixed size.
public enum RoIOperator: Sendable, Equatable {
  /// Corners rounded to whole cells, bins rounded to whole cells, maximum in each bin. Girshick
  /// 2015 (Fast R-CNN), section 2.1.
  case pool
  /// Corners rounded to whole cells, bins not; average or maximum of bilinear samples. Dai et al.
  /// 2016, as the Mask R-CNN paper describes it at the end of section 3, "RoIAlign".
  case warp(samplingRatio: Int, maximum: Bool)
  /// Nothing rounded; average or maximum of bilinear samples. The paper's operator.
  ///
  /// - `samplingRatio`: samples per bin along each axis; 0 for as many as the bin has cells.
  /// - `aligned`: whether half a cell is subtracted, so that a sample at a cell's centre has the
  ///   cell's value. torchvision's models do not, detectron2's do.
  /// - `maximum`: whether a bin takes the greatest of its samples rather than their average.
  case align(samplingRatio: Int, aligned: Bool, maximum: Bool)

  /// What torchvision's models use.
  public static let torchvision = RoIOperator.align(
    samplingRatio: 2, aligned: false, maximum: false)

  /// `RoIPool`, `RoIWarp` or `RoIAlign`.
  public var name: String {
    switch self {
    case .pool: "RoIPool"
    case .warp: "RoIWarp"
    case .align: "RoIAlign"
    }
  }

  /// Applies the operator on one level, by its plain definition.
  ///
  /// - Parameters:
  ///   - features: `[C, H, W]`
  ///   - boxes: R boxes in pixels of the resized image
  ///   - spatialScale: cells per pixel, 1 / stride
  ///   - bins: the grid, Y x X
  /// - Returns: `[R, C, Y, X]`
  public func plain(
    _ features: Tensor, boxes: [Box], spatialScale: Float, bins: BinGrid
  ) -> Tensor {
    switch self {
    case .pool:
      roiPool(features, boxes: boxes, spatialScale: spatialScale, bins: bins)
    case .warp(let samplingRatio, let maximum):
      roiWarp(
        features, boxes: boxes, spatialScale: spatialScale, bins: bins,
        samplingRatio: samplingRatio, maximum: maximum)
    case .align(let samplingRatio, let aligned, let maximum):
      roiAlign(
        features, boxes: boxes, spatialScale: spatialScale, bins: bins,
        samplingRatio: samplingRatio, aligned: aligned, maximum: maximum)
    }
  }

  /// Applies the operator on one level. Parameters, result and bits as of `plain`.
  public func callAsFunction(
    _ features: Tensor, boxes: [Box], spatialScale: Float, bins: BinGrid
  ) -> Tensor {
    roiFeatures(
      [features.reshaped(Shape([1] + features.shape.extents))], boxes: boxes,
      levels: boxes.map { _ in 0 }, scales: [spatialScale], bins: bins, operator: self)
  }
}

/// Applies an operator to every box on its level, by its plain definition: the boxes of each image
/// and level together, their features then put in the order of the boxes.
///
/// Parameters and result as in `roiFeatures`.
public func plainRoIFeatures(
  _ pyramid: [Tensor], boxes: [Box], images: [Int]? = nil, levels: [Int], scales: [Float],
  bins: BinGrid, operator roiOperator: RoIOperator
) -> Tensor {
  let channels = pyramid[0].shape[1]
  let each = channels * bins.count
  var output = Tensor([boxes.count, channels, bins.rows, bins.columns], repeating: 0)
  for (level, features) in pyramid.enumerated() {
    for image in 0..<features.shape[0] {
      let members = boxes.indices.filter { levels[$0] == level && (images?[$0] ?? 0) == image }
      let found = roiOperator.plain(
        features.slice(image), boxes: members.map { boxes[$0] }, spatialScale: scales[level],
        bins: bins)
      for (place, index) in members.enumerated() {
        output.values.replaceSubrange(
          index * each..<(index + 1) * each, with: found.values[place * each..<(place + 1) * each])
      }
    }
  }
  return output  // [R, C, Y, X]
}

/// Applies an operator to every box on its level; by its plain definition if `KernelForm.current`
/// says so.
///
/// - Parameters:
///   - pyramid: the levels, `[N, C, H, W]`
///   - boxes: R of them, in input pixels
///   - images: which of the N images each box is in; nil where there is one
///   - levels: the place in `pyramid` of the level that each box is read from
///   - scales: cells per input pixel of each level, 1 / stride
/// - Returns: `[R, C, Y, X]`, in the order of the boxes; zeros for a box on a level without cells
public func roiFeatures(
  _ pyramid: [Tensor], boxes: [Box], images: [Int]? = nil, levels: [Int], scales: [Float],
  bins: BinGrid, operator roiOperator: RoIOperator
) -> Tensor {
  let (batch, channels) = (pyramid[0].shape[0], pyramid[0].shape[1])
  precondition(
    boxes.count == levels.count && levels.allSatisfy(pyramid.indices.contains),
    "every box has a level of the \(pyramid.count)")
  precondition(
    images.map { $0.count == boxes.count && $0.allSatisfy((0..<batch).contains) } ?? (batch == 1),
    "every box has an image of the \(batch)")
  if KernelForm.current == .plain {
    return plainRoIFeatures(
      pyramid, boxes: boxes, images: images, levels: levels, scales: scales, bins: bins,
      operator: roiOperator)
  }
  // A level of an image that no box is read from need not be laid out.
  let used = Set(boxes.indices.map { levels[$0] * batch + (images?[$0] ?? 0) })
  let maps = pyramid.enumerated().flatMap { level, features in
    (0..<batch).map { image in
      used.contains(level * batch + image)
        ? channelsLast(
          batch == 1
            ? features.reshaped([channels, features.shape[2], features.shape[3]])
            : features.slice(image))
        : Tensor([0, 0, channels], [])
    }
  }  // [H, W, C], of every level and image
  // [R, C, Y, X]
  return Tensor(uninitialized: [boxes.count, channels, bins.rows, bins.columns]) { output in
    nonisolated(unsafe) let output = output
    Threads.each(boxes.count) { index in
      let map = maps[levels[index] * batch + (images?[index] ?? 0)]
      let target = output + index * channels * bins.count
      map.values.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress, !buffer.isEmpty else {
          // A map without cells has nothing to sample.
          return target.initialize(repeating: 0, count: channels * bins.count)
        }
        roiOperator.apply(
          to: base, rows: map.shape[0], columns: map.shape[1], channels: channels,
          box: boxes[index], spatialScale: scales[levels[index]], bins: bins, output: target)
      }
    }
  }
}
