// Stage 4, which pyramid level a RoI is read from. Lin et al. 2017, equation 1.

import CMathematics
import Tensors

/// By which rule the level that a RoI is read from follows from its size:
///
///     k = floor(k0 + log2(sqrt(area) / s0) + 1e-6), limited to the levels there are
///
/// with the canonical level k0 and the canonical scale s0. In torchvision's models and in the
/// paper, a RoI of s0 = 224 pixels, the size of an image that the trunk was trained on, goes to P4,
/// where a trunk without a pyramid would read it; half the size goes one level finer.
public struct LevelAssignment: Sendable, Equatable {
  /// The numbers of the levels there are, 2 … 5 for P2 … P5.
  public var levels: ClosedRange<Int>
  /// s0, in input pixels.
  public var canonicalScale: Float
  /// k0
  public var canonicalLevel: Int

  /// Makes a rule.
  public init(levels: ClosedRange<Int>, canonicalScale: Float, canonicalLevel: Int) {
    (self.levels, self.canonicalScale) = (levels, canonicalScale)
    self.canonicalLevel = canonicalLevel
  }

  /// P2 … P5, 224 pixels on P4.
  public static let torchvision = LevelAssignment(
    levels: 2...5, canonicalScale: 224, canonicalLevel: 4)

  /// k before it is cut to a whole number and limited, `k0 + log2(sqrt(area) / s0) + 1e-6`; NaN or
  /// infinite for a box without area.
  ///
  /// - Parameter box: in input pixels
  public func exactLevel(of box: Box) -> Float {
    Float(canonicalLevel) + log2f(box.area.squareRoot() / canonicalScale) + 1e-6
  }

  /// The number of the level that a box is read from, 2 for P2.
  ///
  /// - Parameter box: in input pixels
  public func level(of box: Box) -> Int {
    let level = exactLevel(of: box).rounded(.down)
    guard !level.isNaN else { return levels.lowerBound }
    return Int(min(max(level, Float(levels.lowerBound)), Float(levels.upperBound)))
  }
}

/// The pyramid level that fits a RoI's size in torchvision's models: `LevelAssignment`.
///
/// - Parameters:
///   - box: in input pixels
///   - levels: the levels there are, 2 … 5 for P2 … P5
/// - Returns: the level's number, 2 for P2
public func pyramidLevel(of box: Box, among levels: ClosedRange<Int>) -> Int {
  var assignment = LevelAssignment.torchvision
  assignment.levels = levels
  return assignment.level(of: box)
}
