import Kernels
import Tensors

// A layer is its parameters applied by a kernel.

extension Convolution {
  /// The convolution with its bias or norm, and a ReLU where `rectified`.
  ///
  /// - Parameters:
  ///   - input: `[N, I, H, W]`
  ///   - adding: `[N, O, Y, X]`, added before the ReLU
  /// - Returns: `[N, O, Y, X]`
  public func callAsFunction(
    _ input: Tensor, adding: Tensor? = nil, rectified: Bool
  ) -> Tensor {
    convolution(
      input, weight: packed, finish: finish(rectified: rectified), adding: adding, stride: stride,
      padding: padding, groups: groups)
  }

  /// Bias and frozen batch norm as one scale and shift per channel:
  /// `scale = weight / sqrt(variance + epsilon)`, `shift = bias - mean * scale`.
  public func finish(rectified: Bool) -> Finish {
    guard let norm else { return Finish(shift: bias?.values, rectified: rectified) }
    let scale = zip(norm.weight.values, norm.variance.values).map { weight, variance in
      weight * (1 / (variance + norm.epsilon).squareRoot())
    }
    let shift = norm.bias.values.indices.map { channel in
      norm.bias.values[channel]
        + ((bias?.values[channel] ?? 0) - norm.mean.values[channel]) * scale[channel]
    }
    return Finish(scale: scale, shift: shift, rectified: rectified)
  }
}

extension Linear {
  /// The layer, and a ReLU where `rectified`.
  ///
  /// - Parameter input: `[R, I]`
  /// - Returns: `[R, O]`
  public func callAsFunction(_ input: Tensor, rectified: Bool) -> Tensor {
    linear(input, weight: packed, finish: Finish(shift: bias?.values, rectified: rectified))
  }
}
