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
/// or, in networks with convolutions for the coarsest levels (Lin et al. 2017b, RetinaNet),
///
///     P6 = coarse6(C5 or P5),  P7 = coarse7(ReLU(P6))
///
/// A level so has the fine grid of its own layer and the meaning of all layers above it.
/// Upsampling is nearest-neighbour to the exact size of the level below.
///
/// A pyramid may begin above C2, and a network without one reads the trunk's last level as it is.
///
/// - Parameter levels: C2 … C5, `[N, C, H / s, W / s]`, or fewer
/// - Returns: the levels `backbone.levels`, P2 … P6, `[N, F, H / s, W / s]` at strides 4 … 64
public func featurePyramid(_ levels: [Tensor], _ backbone: Backbone) -> [Tensor] {
  precondition(
    levels.count >= backbone.inner.count && backbone.inner.count == backbone.outer.count,
    "\(levels.count) layers do not fit a pyramid of \(backbone.inner.count) levels")
  guard let top = levels.last, !backbone.inner.isEmpty else { return levels.suffix(1) }
  let levels = Array(levels.suffix(backbone.inner.count))
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
  let coarsest = pyramid[pyramid.count - 1]
  guard backbone.coarse.count == 2 else {
    return pyramid + [maxPool(coarsest, kernel: 1, stride: 2)]
  }
  let sixth = backbone.coarse[0](
    backbone.coarseReadsPyramid ? coarsest : top, rectified: false)  // [N, F, H / 64, W / 64]
  let seventh = backbone.coarse[1](sixth.map { max($0, 0) }, rectified: false)
  return pyramid + [sixth, seventh]
}
