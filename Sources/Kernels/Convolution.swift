import Tensors

// N images, I input channels, O output channels, G groups, H W input rows and columns,
// Y X output rows and columns, K kernel rows and columns.

/// The number of positions of a kernel along one axis: `(extent + 2 padding - kernel) / stride +
/// 1`.
public func convolvedExtent(_ extent: Int, kernel: Int, stride: Int, padding: Int) -> Int {
  // Swift's division rounds towards 0, so a kernel that does not fit is a case of its own.
  extent + 2 * padding < kernel ? 0 : (extent + 2 * padding - kernel) / stride + 1
}

/// Two-dimensional convolution (cross-correlation, as in every deep-learning library):
///
///     y[n, o, y, x] = finish(sum over i, u, v of w[o, i, u, v] * x[n, i, s y - p + u, s x - p + v])
///
/// with zeros outside the image. This is the definition, in seven loops; `convolution` computes
/// the same much faster.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[O, I / G, K, K]`
///   - adding: `[N, O, Y, X]`, added before the ReLU: a residual block's shortcut
/// - Returns: `[N, O, Y, X]`
/// - Complexity: `N O Y X I/G K K` multiplications.
public func plainConvolution(
  _ input: Tensor, weight: Tensor, finish: Finish = Finish(), adding: Tensor? = nil,
  stride: Int = 1, padding: Int = 0, groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(input, weight, stride: stride, padding: padding, groups: groups)
  let planes = Threads.map(size.images * size.outputs) { plane in
    let (n, o) = plane.quotientAndRemainder(dividingBy: size.outputs)
    let group = o / (size.outputs / groups)
    var output = Tensor([size.outRows, size.outColumns], repeating: 0)
    for y in 0..<size.outRows {
      for x in 0..<size.outColumns {
        var sum: Float = 0
        for i in 0..<size.inputsPerGroup {
          for u in 0..<size.kernelRows {
            let row = stride * y - padding + u
            guard row >= 0, row < size.rows else { continue }
            for v in 0..<size.kernelColumns {
              let column = stride * x - padding + v
              guard column >= 0, column < size.columns else { continue }
              sum += weight[o, i, u, v] * input[n, group * size.inputsPerGroup + i, row, column]
            }
          }
        }
        output[y, x] = finish(sum, channel: o, adding: adding?[n, o, y, x] ?? 0)
      }
    }
    return output.values
  }
  // [N, O, Y, X]
  return Tensor(
    [size.images, size.outputs, size.outRows, size.outColumns], planes.flatMap { $0 })
}

/// The extents that a convolution works with, checked against each other.
struct ConvolutionSize: Sendable {
  let images, inputs, rows, columns: Int
  let outputs, inputsPerGroup, kernelRows, kernelColumns: Int
  let outRows, outColumns: Int
  let stride, padding, groups: Int

  init(_ input: Tensor, _ weight: Tensor, stride: Int, padding: Int, groups: Int) {
    precondition(input.shape.rank == 4, "a convolution's input is [N, I, H, W], not \(input.shape)")
    precondition(weight.shape.rank == 4, "a weight is [O, I / G, K, K], not \(weight.shape)")
    precondition(
      stride > 0 && groups > 0 && weight.shape[1] * groups == input.shape[1]
        && weight.shape[0] % groups == 0,
      "a weight \(weight.shape) in \(groups) groups does not fit the input \(input.shape)")
    (images, inputs, rows, columns) =
      (input.shape[0], input.shape[1], input.shape[2], input.shape[3])
    (outputs, inputsPerGroup) = (weight.shape[0], weight.shape[1])
    (kernelRows, kernelColumns) = (weight.shape[2], weight.shape[3])
    outRows = convolvedExtent(rows, kernel: kernelRows, stride: stride, padding: padding)
    outColumns = convolvedExtent(columns, kernel: kernelColumns, stride: stride, padding: padding)
    (self.stride, self.padding, self.groups) = (stride, padding, groups)
  }
}

/// Two-dimensional convolution by the form that suits it: Winograd's, a packed matrix product, or,
/// if `KernelForm.current` says so, the definition.
///
/// NaN and infinity in the input come out where the definition has them, ReLU or not; Winograd's
/// form spreads them over the whole 4 x 4 blocks of the output that read such a cell. The weights
/// are to be finite: the fast forms multiply them by the zeros outside the image.
///
/// Without input cells or input channels every sum is 0, and so the result is the finish of 0.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[O, I / G, K, K]`
///   - adding: `[N, O, Y, X]`, added before the ReLU: a residual block's shortcut
/// - Returns: `[N, O, Y, X]`
public func convolution(
  _ input: Tensor, weight: PackedWeight, finish: Finish = Finish(), adding: Tensor? = nil,
  stride: Int = 1, padding: Int = 0, groups: Int = 1
) -> Tensor {
  if KernelForm.current == .plain {
    return plainConvolution(
      input, weight: weight.tensor, finish: finish, adding: adding, stride: stride,
      padding: padding, groups: groups)
  }
  let size = ConvolutionSize(
    input, weight.tensor, stride: stride, padding: padding, groups: groups)
  return suitsWinograd(size)
    ? winogradConvolution(
      input, weight: weight, finish: finish, adding: adding, padding: padding)
    : packedConvolution(
      input, weight: weight, finish: finish, adding: adding, stride: stride, padding: padding,
      groups: groups)
}
