// Stage 4, which pyramid level a RoI is read from. Lin et al. 2017, equation 1.

import Foundation
import Tensors

/// The pyramid level that fits a RoI's size:
///
///     k = floor(4 + log2(sqrt(area) / 224) + 1e-6), limited to the levels there are
///
/// A RoI of 224 pixels, the size of an image that the trunk was trained on, goes to P4, where a
/// trunk without a pyramid would read it; half the size goes one level finer.
///
/// - Parameter levels: the levels there are, 2 … 5 for P2 … P5
/// - Returns: the level's place among them, 0 for P2
public func pyramidLevel(of box: Box, among levels: ClosedRange<Int>) -> Int {
  let size = box.area.squareRoot()
  let level = (4 + log2(size / 224) + 1e-6).rounded(.down)
  guard !level.isNaN else { return 0 }
  return Int(min(max(level, Float(levels.lowerBound)), Float(levels.upperBound)))
    - levels.lowerBound
}
