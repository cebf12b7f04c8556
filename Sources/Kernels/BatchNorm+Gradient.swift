import Tensors

// The gradients of batch norm, in training and frozen. Ioffe and Szegedy 2015, "Batch
// Normalization", section 3.
//
// N images, C channels, H W rows and columns, M = N H W positions; z = (x - mean) / sqrt(variance +
// epsilon) is the normalised input.

/// The gradients of a norm, `y = z * weight + bias`.
public struct NormGradient: Sendable, Equatable {
  /// Of the input, `[N, C, H, W]`.
  public var input: Tensor
  /// Of the factors, `[C]`.
  public var weight: Tensor
  /// Of the summands, `[C]`.
  public var bias: Tensor

  /// Makes the gradients from their parts.
  public init(input: Tensor, weight: Tensor, bias: Tensor) {
    (self.input, self.weight, self.bias) = (input, weight, bias)
  }
}

/// The gradients of batch norm in training. The mean and the variance depend on the input too, so
/// each position's gradient loses what all positions have in common with a shift and a scaling of
/// the input:
///
///     dBias[c] = sum of dY,  dWeight[c] = sum of dY * z
///     dX = weight[c] / sqrt(variance[c] + epsilon) * (dY - dBias[c] / M - z * dWeight[c] / M)
///
/// the sums over n, h, w and kept in 64 bits. The definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, H, W]`
///   - input: `[N, C, H, W]`
///   - weight: `[C]`
///   - statistics: what `batchNorm` measured
public func plainBatchNormGradient(
  _ outputGradient: Tensor, input: Tensor, weight: Tensor, statistics: BatchStatistics,
  epsilon: Float
) -> NormGradient {
  var gradient = plainFrozenBatchNormGradient(
    outputGradient, input: input, weight: weight, mean: Tensor([weight.count], statistics.mean),
    variance: Tensor([weight.count], statistics.variance), epsilon: epsilon)
  let plane = input.shape.extents.dropFirst(2).reduce(1, *)
  for index in 0..<input.count {
    let c = index / plane % input.shape[1]
    let deviation = statistics.inverseDeviation(c, epsilon)
    let z = (input.values[index] - statistics.mean[c]) * deviation
    let common = gradient.bias.values[c] + z * gradient.weight.values[c]
    gradient.input.values[index] -=
      weight.values[c] * deviation * common / Float(statistics.count)
  }
  return gradient
}

/// The gradients of batch norm in training, as `plainBatchNormGradient`, on all threads; or, if
/// `KernelForm.current` says so, by the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, H, W]`
///   - input: `[N, C, H, W]`
///   - weight: `[C]`
///   - statistics: what `batchNorm` measured
public func batchNormGradient(
  _ outputGradient: Tensor, input: Tensor, weight: Tensor, statistics: BatchStatistics,
  epsilon: Float
) -> NormGradient {
  if KernelForm.current == .plain {
    return plainBatchNormGradient(
      outputGradient, input: input, weight: weight, statistics: statistics, epsilon: epsilon)
  }
  let channels = weight.count
  let deviations = (0..<channels).map { statistics.inverseDeviation($0, epsilon) }
  let bias = channelSums(outputGradient)  // [C]
  let products = channelProducts(outputGradient, input, shift: statistics.mean)
  let weights = Tensor([channels], zip(products.values, deviations).map { $0 * $1 })  // [C]
  let lines = (0..<channels).map { c in
    let count = Float(max(1, statistics.count))
    return NormLine(
      factor: weight.values[c] * deviations[c], mean: statistics.mean[c],
      constant: bias.values[c] / count, slope: weights.values[c] * deviations[c] / count)
  }
  let plane = input.shape.extents.dropFirst(2).reduce(1, *)
  let gradient = Tensor(uninitialized: input.shape) { target in
    input.values.withUnsafeBufferPointer { cells in
      outputGradient.values.withUnsafeBufferPointer { gradient in
        guard let cells = cells.baseAddress, let gradient = gradient.baseAddress else { return }
        let (x, from, to) = (SharedReading(cells), SharedReading(gradient), Shared(target))
        Threads.ranges(input.shape[0] * channels) { range in
          for index in range {
            lines[index % channels].apply(
              plane, from.pointer + index * plane, input: x.pointer + index * plane,
              to: to.pointer + index * plane)
          }
        }
      }
    }
  }  // [N, C, H, W]
  return NormGradient(input: gradient, weight: weights, bias: bias)
}

/// A channel's part of `batchNormGradient`: `factor * (dY - constant - slope * (x - mean))`.
private struct NormLine {
  let factor, mean, constant, slope: Float

  @inline(__always)
  func apply(
    _ count: Int, _ gradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<count {
      target[index] = factor * (gradient[index] - constant - slope * (input[index] - mean))
    }
  }
}

/// The gradients of a frozen batch norm, whose mean and variance are numbers of the file:
///
///     dX = weight[c] / sqrt(variance[c] + epsilon) * dY,  dBias[c] = sum of dY,
///     dWeight[c] = sum of dY * (x - mean[c]) / sqrt(variance[c] + epsilon)
///
/// The definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, H, W]`
///   - input: `[N, C, H, W]`
///   - weight: `[C]`; `mean` and `variance` likewise
public func plainFrozenBatchNormGradient(
  _ outputGradient: Tensor, input: Tensor, weight: Tensor, mean: Tensor, variance: Tensor,
  epsilon: Float
) -> NormGradient {
  let channels = weight.count
  let plane = input.shape.extents.dropFirst(2).reduce(1, *)
  var gradient = outputGradient
  var (weights, biases) = (
    [Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels)
  )
  for index in 0..<input.count {
    let c = index / plane % channels
    let deviation = 1 / (Double(variance.values[c]) + Double(epsilon)).squareRoot()
    let from = Double(outputGradient.values[index])
    gradient.values[index] = Float(from * Double(weight.values[c]) * deviation)
    weights[c] += from * (Double(input.values[index]) - Double(mean.values[c])) * deviation
    biases[c] += from
  }
  return NormGradient(
    input: gradient, weight: Tensor([channels], weights.map { Float($0) }),
    bias: Tensor([channels], biases.map { Float($0) }))
}

/// The gradients of a frozen batch norm, as `plainFrozenBatchNormGradient`, on all threads; or, if
/// `KernelForm.current` says so, by the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, H, W]`
///   - input: `[N, C, H, W]`
///   - weight: `[C]`; `mean` and `variance` likewise
public func frozenBatchNormGradient(
  _ outputGradient: Tensor, input: Tensor, weight: Tensor, mean: Tensor, variance: Tensor,
  epsilon: Float
) -> NormGradient {
  if KernelForm.current == .plain {
    return plainFrozenBatchNormGradient(
      outputGradient, input: input, weight: weight, mean: mean, variance: variance,
      epsilon: epsilon)
  }
  let deviations = variance.values.map { 1 / ($0 + epsilon).squareRoot() }
  let products = channelProducts(outputGradient, input, shift: mean.values)
  return NormGradient(
    input: Finish(scale: zip(weight.values, deviations).map { $0 * $1 })
      .applied(to: outputGradient),
    weight: Tensor([weight.count], zip(products.values, deviations).map { $0 * $1 }),
    bias: channelSums(outputGradient))
}
