import Tensors

// The gradients of a transposed convolution whose kernel equals its stride; that of its bias is
// `channelSums`.
//
// A transposed convolution is a convolution's gradient by its input, so its own gradients are
// convolutions again: each input cell is a position that reads its own K x K block of the output.
//
// N images, I input channels, O output channels, H W input rows and columns, K the kernel.

/// The gradient of a transposed convolution by its input:
///
///     dX[n, i, y, x] = sum over o, u, v of w[i, o, u, v] * dY[n, o, K y + u, K x + v]
///
/// This is the definition; `transposedConvolutionInputGradient` computes the same faster.
///
/// - Parameters:
///   - outputGradient: dY, `[N, O, K H, K W]`
///   - weight: `[I, O, K, K]`, PyTorch's layout
/// - Returns: dX, `[N, I, H, W]`
public func plainTransposedConvolutionInputGradient(
  _ outputGradient: Tensor, weight: Tensor
) -> Tensor {
  let kernel = transposedKernel(outputGradient, weight: weight)
  let (inputs, outputs) = (weight.shape[0], weight.shape[1])
  let (rows, columns) = (outputGradient.shape[2] / kernel, outputGradient.shape[3] / kernel)
  let planes = Threads.map(outputGradient.shape[0] * inputs) { plane in
    let (n, i) = plane.quotientAndRemainder(dividingBy: inputs)
    var gradient = Tensor([rows, columns], repeating: 0)
    for y in 0..<rows {
      for x in 0..<columns {
        var sum: Float = 0
        for o in 0..<outputs {
          for u in 0..<kernel {
            for v in 0..<kernel {
              sum += weight[i, o, u, v] * outputGradient[n, o, kernel * y + u, kernel * x + v]
            }
          }
        }
        gradient[y, x] = sum
      }
    }
    return gradient.values
  }
  // [N, I, H, W]
  return Tensor([outputGradient.shape[0], inputs, rows, columns], planes.flatMap { $0 })
}

/// The gradient of a transposed convolution by its weight:
///
///     dw[i, o, u, v] = sum over n, y, x of x[n, i, y, x] * dY[n, o, K y + u, K x + v]
///
/// This is the definition, its sums kept in 64 bits; `transposedConvolutionWeightGradient` computes
/// the same faster.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - outputGradient: dY, `[N, O, K H, K W]`
///   - kernel: K
/// - Returns: dw, `[I, O, K, K]`
public func plainTransposedConvolutionWeightGradient(
  _ input: Tensor, outputGradient: Tensor, kernel: Int
) -> Tensor {
  checkTransposedWeightGradient(input, outputGradient, kernel)
  let (inputs, outputs) = (input.shape[1], outputGradient.shape[1])
  let kernels = Threads.map(inputs * outputs) { pair in
    let (i, o) = pair.quotientAndRemainder(dividingBy: outputs)
    var gradient = Tensor([kernel, kernel], repeating: 0)
    for u in 0..<kernel {
      for v in 0..<kernel {
        var sum = 0.0
        for n in 0..<input.shape[0] {
          for y in 0..<input.shape[2] {
            for x in 0..<input.shape[3] {
              let other = outputGradient[n, o, kernel * y + u, kernel * x + v]
              sum += Double(input[n, i, y, x]) * Double(other)
            }
          }
        }
        gradient[u, v] = Float(sum)
      }
    }
    return gradient.values
  }
  return Tensor([inputs, outputs, kernel, kernel], kernels.flatMap { $0 })  // [I, O, K, K]
}

/// The gradient of a transposed convolution by its input: a convolution of dY by the same weight,
/// read as `[O', I', K, K]`, with stride K; or, if `KernelForm.current` says so, the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, O, K H, K W]`
///   - weight: `[I, O, K, K]`, PyTorch's layout
/// - Returns: dX, `[N, I, H, W]`
public func transposedConvolutionInputGradient(
  _ outputGradient: Tensor, weight: PackedWeight
) -> Tensor {
  if KernelForm.current == .plain {
    return plainTransposedConvolutionInputGradient(outputGradient, weight: weight.tensor)
  }
  let kernel = transposedKernel(outputGradient, weight: weight.tensor)
  return packedConvolution(outputGradient, weight: weight, stride: kernel)
}

/// The gradient of a transposed convolution by its weight: that of the convolution of dY which
/// `transposedConvolutionInputGradient` is, its output's gradient being the input; or, if
/// `KernelForm.current` says so, the definition.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - outputGradient: dY, `[N, O, K H, K W]`
///   - kernel: K
/// - Returns: dw, `[I, O, K, K]`
public func transposedConvolutionWeightGradient(
  _ input: Tensor, outputGradient: Tensor, kernel: Int
) -> Tensor {
  if KernelForm.current == .plain {
    return plainTransposedConvolutionWeightGradient(
      input, outputGradient: outputGradient, kernel: kernel)
  }
  checkTransposedWeightGradient(input, outputGradient, kernel)
  return packedConvolutionWeightGradient(
    outputGradient, outputGradient: input, kernelRows: kernel, kernelColumns: kernel,
    stride: kernel)
}

/// The kernel K of a weight that fits an output.
private func transposedKernel(_ outputGradient: Tensor, weight: Tensor) -> Int {
  let (output, weight) = (outputGradient.shape, weight.shape)
  precondition(
    weight.rank == 4 && weight[2] == weight[3] && weight[2] > 0 && output.rank == 4
      && output[1] == weight[1] && output[2] % weight[2] == 0 && output[3] % weight[2] == 0,
    "a transposed weight \(weight) does not fit the output \(output)")
  return weight[2]
}

private func checkTransposedWeightGradient(
  _ input: Tensor, _ outputGradient: Tensor, _ kernel: Int
) {
  let (input, output) = (input.shape, outputGradient.shape)
  precondition(
    input.rank == 4 && output.rank == 4 && kernel > 0 && input[0] == output[0]
      && output[2] == kernel * input[2] && output[3] == kernel * input[3],
    "a transposed kernel of \(kernel) does not make \(output) of \(input)")
}
