// The feature pyramid's backward pass. L is the loss; d… stands for dL/d….
//
// N images, F channels of the pyramid, C channels of a trunk's level, H W rows and columns of the
// padded input, s a level's stride.

import Kernels
import Model
import Tensors

/// What the backward pass of the pyramid needs of the forward pass.
public struct PyramidTape: Sendable {
  /// The 1x1 convolutions on C2 … C5.
  public var inner: [ConvolutionTape]
  /// The 3x3 convolutions that make P2 … P5.
  public var outer: [ConvolutionTape]
  /// P5, of which P6 is every second cell; nil where there is no pyramid.
  public var coarsest: Tensor?
  /// The convolutions that make P6 and P7, where there are such, and the ReLU between them.
  public var coarse: (sixth: ConvolutionTape, seventh: ConvolutionTape, rectified: Tensor)?
}

/// Builds the pyramid as `featurePyramid` does, and keeps what the backward pass needs.
///
/// - Parameter levels: C2 … C5, `[N, C, H / s, W / s]`
/// - Returns: P2 … P6, `[N, F, H / s, W / s]`, and the tape
public func pyramidForward(
  _ levels: [Tensor], _ backbone: Backbone, norms: NormTraining
) -> (pyramid: [Tensor], tape: PyramidTape) {
  guard let top = levels.last, !backbone.inner.isEmpty else {
    return (levels.suffix(1), PyramidTape(inner: [], outer: []))
  }
  let levels = Array(levels.suffix(backbone.inner.count))
  var pyramid: [Tensor] = []
  var (inner, outer): ([ConvolutionTape], [ConvolutionTape]) = ([], [])
  var above: Tensor?
  for index in levels.indices.reversed() {
    let (rows, columns) = (levels[index].shape[2], levels[index].shape[3])
    let upsampled = above.map { resizeNearest($0, rows: rows, columns: columns) }
    let (merged, innerTape) = backbone.inner[index].forward(
      levels[index], adding: upsampled, rectified: false, norms: norms)  // [N, F, H / s, W / s]
    let (level, outerTape) = backbone.outer[index].forward(merged, rectified: false, norms: norms)
    pyramid.insert(level, at: 0)
    inner.insert(innerTape, at: 0)
    outer.insert(outerTape, at: 0)
    above = merged
  }
  let coarsest = pyramid[pyramid.count - 1]
  var tape = PyramidTape(inner: inner, outer: outer, coarsest: coarsest)
  guard backbone.coarse.count == 2 else {
    return (pyramid + [maxPool(coarsest, kernel: 1, stride: 2)], tape)
  }
  let (sixth, sixthTape) = backbone.coarse[0].forward(
    backbone.coarseReadsPyramid ? coarsest : top, rectified: false, norms: norms)
  let rectified = sixth.map { max($0, 0) }
  let (seventh, seventhTape) = backbone.coarse[1].forward(
    rectified, rectified: false, norms: norms)
  tape.coarse = (sixthTape, seventhTape, rectified)
  return (pyramid + [sixth, seventh], tape)
}

/// The pyramid's backward pass, from the finest level to the coarsest: what goes down from a level
/// in the forward pass comes back up to it here.
///
///     dP5 += dP6 at every second cell
///     dM_n = douter_n(dP_n) + the sum of dM_(n-1) over the cells that copied M_n's cell
///     dC_n = dinner_n(dM_n)
///
/// where M_n is the sum before the 3x3 convolution of level n. Where convolutions make P6 and P7,
/// they send back instead:
///
///     dP6 += dcoarse7(dP7) where P6 > 0
///     dP5 += dcoarse6(dP6), or dC5 += dcoarse6(dP6)
///
/// - Parameters:
///   - gradients: dP2 … dP6, `[N, F, H / s, W / s]`; dP5 receives what P6 sends back to it
///   - parameters: receives the gradients of the pyramid's convolutions
/// - Returns: dC2 … dC5, `[N, C, H / s, W / s]`; nil for those that the pyramid does not read
public func pyramidBackward(
  _ gradients: inout [Tensor], _ backbone: Backbone, _ tape: PyramidTape,
  parameters: inout Backbone
) -> [Tensor?] {
  let unread = [Tensor?](
    repeating: nil, count: backbone.layers.count - max(backbone.inner.count, 1))
  guard let coarsest = tape.coarsest else { return unread + gradients }
  let last = backbone.inner.count - 1
  var toTrunk: Tensor?
  if let coarse = tape.coarse {
    let seventh = backbone.coarse[1].backward(gradients[last + 2], coarse.seventh)
    parameters.coarse[1] = seventh.parameters
    if let input = seventh.input {
      gradients[last + 1].add(reluGradient(input, output: coarse.rectified))
    }
    let sixth = backbone.coarse[0].backward(gradients[last + 1], coarse.sixth)
    parameters.coarse[0] = sixth.parameters
    if backbone.coarseReadsPyramid, let input = sixth.input { gradients[last].add(input) }
    if !backbone.coarseReadsPyramid { toTrunk = sixth.input }
  } else {
    gradients[last].add(
      maxPoolGradient(gradients[last + 1], input: coarsest, kernel: 1, stride: 2, padding: 0))
  }
  var result: [Tensor] = []
  var fromBelow: Tensor?
  for index in backbone.inner.indices {
    let outer = backbone.outer[index].backward(gradients[index], tape.outer[index])
    parameters.outer[index] = outer.parameters
    guard var merged = outer.input else { continue }  // [N, F, H / s, W / s]
    if let below = fromBelow {
      merged.add(
        resizeNearestGradient(below, rows: merged.shape[2], columns: merged.shape[3]))
    }
    let inner = backbone.inner[index].backward(merged, tape.inner[index])
    parameters.inner[index] = inner.parameters
    if let input = inner.input { result.append(input) }
    fromBelow = inner.adding
  }
  if let toTrunk { result[last].add(toTrunk) }
  return unread + result
}
