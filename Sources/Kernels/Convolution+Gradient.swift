import Tensors

// The gradients of a convolution: of a loss L by the convolution's input, weight and bias, given
// L's gradient by its output.
//
// N images, I input channels, O output channels, G groups, H W input rows and columns, Y X output
// rows and columns, K kernel rows and columns, s the stride, p the padding; dY, dX and dw are the
// gradients by output, input and weight.

/// The gradient of a convolution by its input: every output sends its gradient back along the
/// weights by which it was made,
///
///     dX[n, i, h, w] = sum over o, u, v of w[o, i, u, v] * dY[n, o, y, x]
///
/// over the positions that read the cell, h = s y - p + u and w = s x - p + v. This is the
/// definition; `convolutionInputGradient` computes the same much faster.
///
/// - Parameters:
///   - outputGradient: dY, `[N, O, Y, X]`
///   - weight: `[O, I / G, K, K]`
///   - rows: H, which Y alone does not determine, and `columns` W
/// - Returns: dX, `[N, I, H, W]`; zeros where no position reads a cell
/// - Complexity: `N I H W O/G K K` steps.
public func plainConvolutionInputGradient(
  _ outputGradient: Tensor, weight: Tensor, rows: Int, columns: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(
    outputGradient: outputGradient, weight: weight.shape, rows: rows, columns: columns,
    stride: stride, padding: padding, groups: groups)
  let outputsPerGroup = size.outputs / groups
  let down = (0..<rows).map {
    positions(reading: $0, kernel: size.kernelRows, stride, padding, count: size.outRows)
  }
  let across = (0..<columns).map {
    positions(reading: $0, kernel: size.kernelColumns, stride, padding, count: size.outColumns)
  }
  let planes = Threads.map(size.images * size.inputs) { plane in
    let (n, channel) = plane.quotientAndRemainder(dividingBy: size.inputs)
    let (group, i) = channel.quotientAndRemainder(dividingBy: size.inputsPerGroup)
    var gradient = Tensor([rows, columns], repeating: 0)
    for h in 0..<rows {
      for w in 0..<columns {
        var sum: Float = 0
        for o in group * outputsPerGroup..<(group + 1) * outputsPerGroup {
          for (u, y) in down[h] {
            for (v, x) in across[w] { sum += weight[o, i, u, v] * outputGradient[n, o, y, x] }
          }
        }
        gradient[h, w] = sum
      }
    }
    return gradient.values
  }
  return Tensor([size.images, size.inputs, rows, columns], planes.flatMap { $0 })  // [N, I, H, W]
}

/// The positions along one axis that read a cell, each with the place of the kernel that falls on
/// it: all (u, y) with `cell = s y - p + u`.
///
/// - Parameter count: how many positions there are
private func positions(
  reading cell: Int, kernel: Int, _ stride: Int, _ padding: Int, count: Int
) -> [(tap: Int, position: Int)] {
  (0..<kernel).compactMap { u in
    let (y, rest) = (cell + padding - u).quotientAndRemainder(dividingBy: stride)
    return rest == 0 && y >= 0 && y < count ? (u, y) : nil
  }
}

/// The gradient of a convolution by its weight: what each weight was multiplied by, times the
/// gradient of what it was added to,
///
///     dw[o, i, u, v] = sum over n, y, x of dY[n, o, y, x] * x[n, i, s y - p + u, s x - p + v]
///
/// with zeros outside the image. The sum has as many terms as the output has positions, so it is
/// kept in 64 bits. This is the definition; `convolutionWeightGradient` computes the same much
/// faster.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - outputGradient: dY, `[N, O, Y, X]`
///   - kernelRows: K, and `kernelColumns`
/// - Returns: dw, `[O, I / G, K, K]`
/// - Complexity: `N O Y X I/G K K` multiplications.
public func plainConvolutionWeightGradient(
  _ input: Tensor, outputGradient: Tensor, kernelRows: Int, kernelColumns: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(
    input, outputGradient: outputGradient, kernelRows: kernelRows, kernelColumns: kernelColumns,
    stride: stride, padding: padding, groups: groups)
  let kernels = Threads.map(size.outputs * size.inputsPerGroup) { pair in
    let (o, i) = pair.quotientAndRemainder(dividingBy: size.inputsPerGroup)
    let channel = o / (size.outputs / groups) * size.inputsPerGroup + i
    var gradient = Tensor([kernelRows, kernelColumns], repeating: 0)
    for u in 0..<kernelRows {
      for v in 0..<kernelColumns {
        var sum = 0.0
        for n in 0..<size.images {
          for y in 0..<size.outRows {
            let row = stride * y - padding + u
            guard row >= 0, row < size.rows else { continue }
            for x in 0..<size.outColumns {
              let column = stride * x - padding + v
              guard column >= 0, column < size.columns else { continue }
              sum += Double(outputGradient[n, o, y, x]) * Double(input[n, channel, row, column])
            }
          }
        }
        gradient[u, v] = Float(sum)
      }
    }
    return gradient.values
  }
  // [O, I / G, K, K]
  return Tensor(
    [size.outputs, size.inputsPerGroup, kernelRows, kernelColumns], kernels.flatMap { $0 })
}

/// The gradient of a convolution by its input, by the form that suits it.
///
/// With a stride of 1 it is a convolution of the output's gradient by the kernels turned by half a
/// turn, with inputs and outputs exchanged, so the forms of `convolution` compute it, Winograd's
/// among them. Otherwise, `packedConvolutionInputGradient`; or, if `KernelForm.current` says so,
/// the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, O, Y, X]`
///   - weight: `[O, I / G, K, K]`
///   - rows: H, which Y alone does not determine, and `columns` W
/// - Returns: dX, `[N, I, H, W]`
public func convolutionInputGradient(
  _ outputGradient: Tensor, weight: PackedWeight, rows: Int, columns: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Tensor {
  if KernelForm.current == .plain {
    return plainConvolutionInputGradient(
      outputGradient, weight: weight.tensor, rows: rows, columns: columns, stride: stride,
      padding: padding, groups: groups)
  }
  let size = ConvolutionSize(
    outputGradient: outputGradient, weight: weight.tensor.shape, rows: rows, columns: columns,
    stride: stride, padding: padding, groups: groups)
  guard stride == 1, size.kernelRows == size.kernelColumns, padding < size.kernelRows,
    size.outRows > 0, size.outColumns > 0
  else {
    return packedConvolutionInputGradient(
      outputGradient, weight: weight, rows: rows, columns: columns, stride: stride,
      padding: padding, groups: groups)
  }
  return convolution(
    outputGradient, weight: weight.flipped(groups: groups),
    padding: size.kernelRows - 1 - padding, groups: groups)
}

/// The gradient of a convolution by its weight, by the form that suits it: Winograd's, a matrix
/// product over all positions, or, if `KernelForm.current` says so, the definition.
///
/// dY is to be finite: the fast forms multiply it by the zeros outside the image.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - outputGradient: dY, `[N, O, Y, X]`
///   - kernelRows: K, and `kernelColumns`
/// - Returns: dw, `[O, I / G, K, K]`
public func convolutionWeightGradient(
  _ input: Tensor, outputGradient: Tensor, kernelRows: Int, kernelColumns: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Tensor {
  if KernelForm.current == .plain {
    return plainConvolutionWeightGradient(
      input, outputGradient: outputGradient, kernelRows: kernelRows,
      kernelColumns: kernelColumns, stride: stride, padding: padding, groups: groups)
  }
  let size = ConvolutionSize(
    input, outputGradient: outputGradient, kernelRows: kernelRows, kernelColumns: kernelColumns,
    stride: stride, padding: padding, groups: groups)
  // Over few positions the 36 sums for every weight take longer than the products that they save.
  let positions = size.images * size.outRows * size.outColumns
  return suitsWinograd(size) && positions >= 512
    ? winogradConvolutionWeightGradient(input, outputGradient: outputGradient, padding: padding)
    : packedConvolutionWeightGradient(
      input, outputGradient: outputGradient, kernelRows: kernelRows,
      kernelColumns: kernelColumns, stride: stride, padding: padding, groups: groups)
}

extension ConvolutionSize {
  /// The extents of a convolution of which the input's gradient is sought.
  init(
    outputGradient: Tensor, weight: Shape, rows: Int, columns: Int, stride: Int, padding: Int,
    groups: Int
  ) {
    precondition(
      outputGradient.shape.rank == 4 && weight.rank == 4 && groups > 0 && stride > 0
        && weight[0] == outputGradient.shape[1] && weight[0] % groups == 0,
      "a weight \(weight) in \(groups) groups does not fit the output \(outputGradient.shape)")
    self.init(
      images: outputGradient.shape[0], inputs: weight[1] * groups, rows: rows,
      columns: columns, outputs: weight[0], kernelRows: weight[2], kernelColumns: weight[3],
      stride: stride, padding: padding, groups: groups)
    check(outputGradient)
  }

  /// The extents of a convolution of which the weight's gradient is sought.
  init(
    _ input: Tensor, outputGradient: Tensor, kernelRows: Int, kernelColumns: Int, stride: Int,
    padding: Int, groups: Int
  ) {
    precondition(
      input.shape.rank == 4 && outputGradient.shape.rank == 4 && groups > 0 && stride > 0
        && input.shape[1] % groups == 0 && outputGradient.shape[1] % groups == 0
        && input.shape[0] == outputGradient.shape[0],
      "an input \(input.shape) in \(groups) groups does not fit the output "
        + "\(outputGradient.shape)")
    self.init(
      images: input.shape[0], inputs: input.shape[1], rows: input.shape[2],
      columns: input.shape[3], outputs: outputGradient.shape[1], kernelRows: kernelRows,
      kernelColumns: kernelColumns, stride: stride, padding: padding, groups: groups)
    check(outputGradient)
  }

  private func check(_ outputGradient: Tensor) {
    precondition(
      outputGradient.shape[2] == outRows && outputGradient.shape[3] == outColumns,
      "an output \(outputGradient.shape) is not what a kernel of \(kernelRows) x "
        + "\(kernelColumns), stride \(stride), padding \(padding) makes of \(rows) x \(columns)")
  }

  init(
    images: Int, inputs: Int, rows: Int, columns: Int, outputs: Int, kernelRows: Int,
    kernelColumns: Int, stride: Int, padding: Int, groups: Int
  ) {
    (self.images, self.inputs, self.rows, self.columns) = (images, inputs, rows, columns)
    (self.outputs, inputsPerGroup) = (outputs, inputs / groups)
    (self.kernelRows, self.kernelColumns) = (kernelRows, kernelColumns)
    outRows = convolvedExtent(rows, kernel: kernelRows, stride: stride, padding: padding)
    outColumns = convolvedExtent(columns, kernel: kernelColumns, stride: stride, padding: padding)
    (self.stride, self.padding, self.groups) = (stride, padding, groups)
  }
}
