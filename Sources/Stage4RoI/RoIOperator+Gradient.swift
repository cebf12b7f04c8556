// Stage 4, the gradient of every operator, on one level and over the pyramid.
//
// In: dL/d RoI features [R, C, Y, X].  Out: per level dL/d features [N, C, H, W].
// N images, R RoIs, C channels, H W rows and columns, Y X bins.

import Kernels
import Tensors

extension RoIOperator {
  /// The operator's gradient by the features of one level, by its plain definition.
  ///
  /// - Parameters:
  ///   - gradient: dL/d output, `[R, C, Y, X]`
  ///   - features: what the operator was applied to, `[C, H, W]`
  ///   - boxes: R boxes in pixels of the resized image
  ///   - spatialScale: cells per pixel, 1 / stride
  /// - Returns: dL/d features, `[C, H, W]`
  public func plainGradient(
    _ gradient: Tensor, features: Tensor, boxes: [Box], spatialScale: Float
  ) -> Tensor {
    switch self {
    case .pool:
      roiPoolGradient(gradient, features: features, boxes: boxes, spatialScale: spatialScale)
    case .warp(let samplingRatio, let maximum):
      roiWarpGradient(
        gradient, features: features, boxes: boxes, spatialScale: spatialScale,
        samplingRatio: samplingRatio, maximum: maximum)
    case .align(let samplingRatio, let aligned, let maximum):
      roiAlignGradient(
        gradient, features: features, boxes: boxes, spatialScale: spatialScale,
        samplingRatio: samplingRatio, aligned: aligned, maximum: maximum)
    }
  }

  /// The operator's gradient by the features of one level. Parameters, result and bits as of
  /// `plainGradient`.
  public func gradient(
    _ gradient: Tensor, features: Tensor, boxes: [Box], spatialScale: Float
  ) -> Tensor {
    roiFeaturesGradient(
      gradient, pyramid: [features.reshaped(Shape([1] + features.shape.extents))], boxes: boxes,
      levels: boxes.map { _ in 0 }, scales: [spatialScale], operator: self
    )[0].reshaped(features.shape)
  }
}

/// The gradient of `roiFeatures` by every level, by the operators' plain definitions.
///
/// Parameters and result as in `roiFeaturesGradient`.
public func plainRoIFeaturesGradient(
  _ gradient: Tensor, pyramid: [Tensor], boxes: [Box], images: [Int]? = nil, levels: [Int],
  scales: [Float], operator roiOperator: RoIOperator
) -> [Tensor] {
  var result = pyramid.map { Tensor($0.shape, repeating: 0) }  // [N, C, H, W]
  let each = gradient.shape.extents.dropFirst().reduce(1, *)
  for group in RoIGroup.all(in: pyramid, boxes: boxes, images: images, levels: levels) {
    let members = Tensor(
      Shape([group.members.count] + gradient.shape.extents.dropFirst()),
      group.members.flatMap { gradient.values[$0 * each..<($0 + 1) * each] })  // [R, C, Y, X]
    let found = roiOperator.plainGradient(
      members, features: pyramid[group.level].slice(group.image),
      boxes: group.members.map { boxes[$0] }, spatialScale: scales[group.level])
    let first = group.image * found.count
    result[group.level].values.replaceSubrange(first..<first + found.count, with: found.values)
  }
  return result
}

/// The gradient of `roiFeatures` by every level; by the operators' plain definitions if
/// `KernelForm.current` says so. A level that no box is read from has a gradient of 0.
///
/// - Parameters:
///   - gradient: dL/d RoI features, `[R, C, Y, X]`
///   - pyramid: the levels that were read, `[N, C, H, W]`
///   - boxes, images, levels, scales: as given to `roiFeatures`
/// - Returns: dL/d level, of the pyramid's shapes
public func roiFeaturesGradient(
  _ gradient: Tensor, pyramid: [Tensor], boxes: [Box], images: [Int]? = nil, levels: [Int],
  scales: [Float], operator roiOperator: RoIOperator
) -> [Tensor] {
  precondition(
    gradient.shape.rank == 4 && gradient.shape[0] == boxes.count
      && pyramid.allSatisfy { $0.shape.rank == 4 && $0.shape[1] == gradient.shape[1] },
    "no gradient \(gradient.shape) of \(boxes.count) boxes on levels of \(pyramid.map(\.shape))")
  if KernelForm.current == .plain {
    return plainRoIFeaturesGradient(
      gradient, pyramid: pyramid, boxes: boxes, images: images, levels: levels, scales: scales,
      operator: roiOperator)
  }
  let groups = RoIGroup.all(in: pyramid, boxes: boxes, images: images, levels: levels)
  return pyramid.enumerated().map { level, features in
    roiOperator.fastGradient(
      gradient, features: features, boxes: boxes, groups: groups.filter { $0.level == level },
      spatialScale: scales[level])
  }
}

/// The boxes that are read from one level of one image.
struct RoIGroup: Sendable {
  let level: Int
  let image: Int
  /// Indices of the boxes, in ascending order.
  let members: [Int]

  /// The levels and images that boxes are read from, each with its boxes; without the levels that
  /// have no cells.
  static func all(
    in pyramid: [Tensor], boxes: [Box], images: [Int]?, levels: [Int]
  ) -> [RoIGroup] {
    let batch = pyramid[0].shape[0]
    precondition(
      boxes.count == levels.count && levels.allSatisfy(pyramid.indices.contains),
      "every box has a level of the \(pyramid.count)")
    precondition(
      images.map { $0.count == boxes.count && $0.allSatisfy((0..<batch).contains) } ?? (batch == 1),
      "every box has an image of the \(batch)")
    var members = [[Int]](repeating: [], count: pyramid.count * batch)
    for index in boxes.indices {
      members[levels[index] * batch + (images?[index] ?? 0)].append(index)
    }
    // A map without cells takes no gradient.
    let used = members.enumerated().filter { !$1.isEmpty && pyramid[$0 / batch].count > 0 }
    return used.map { place, members in
      RoIGroup(level: place / batch, image: place % batch, members: members)
    }
  }
}
