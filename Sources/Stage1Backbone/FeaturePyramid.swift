// Stage 1, the backbone, second half: the feature pyramid. Paper: section 3, "Network
// Architecture"; the pyramid itself is Lin et al. 2017 (FPN), section 3.
//
// In: C2 ... C5.  Out: P2 ... P6, all with the same number of channels.

import Kernels
import Model
import Tensors

/// Builds the feature pyramid from the top down:
///
///     P5 = outer5(inner5(C5))
///     Pn = outer_n(inner_n(Cn) + upsampled(sum before outer of level n + 1))
///     P6 = every second cell of P5
///
/// A level so has the fine grid of its own layer and the meaning of all layers above it.
/// Upsampling is nearest-neighbour to the exact size of the level below.
///
/// - Parameter levels: C2 … C5, `[N, C, H / s, W / s]`
/// - Returns: P2 … P6, `[N, F, H / s, W / s]` at strides 4 … 64
public func featurePyramid(_ levels: [Tensor], _ backbone: Backbone) -> [Tensor] {
  precondition(
    levels.count == backbone.inner.count && levels.count == backbone.outer.count,
    "\(levels.count) layers do not fit a pyramid of \(backbone.inner.count) levels")
  var pyramid: [Tensor] = []
  var above: Tensor?
  for index in levels.indices.reversed() {
    let (rows, columns) = (levels[index].shape[2], levels[index].shape[3])
    let upsampled = above.map { resizeNearest($0, rows: rows, columns: columns) }
    let merged = backbone.inner[index](
      levels[index], adding: upsampled, rectified: false)  // [N, F, H / s, W / s]
    pyramid.insert(backbone.outer[index](merged, rectified: false), at: 0)
    above = merged
  }
  if let coarsest = pyramid.last {
    pyramid.append(maxPool(coarsest, kernel: 1, stride: 2))
  }
  return pyramid
}
