import Tensors

// Batch norm as it is trained: by the statistics of the batch itself. Ioffe and Szegedy 2015,
// "Batch Normalization", algorithm 1. In inference it is a scale and a shift, a `Finish`.
//
// N images, C channels, H W rows and columns, M = N H W positions.

/// What batch norm measured over a batch: what its gradient needs, and what the running averages
/// are made of.
public struct BatchStatistics: Sendable, Equatable {
  /// M, the positions that were averaged over.
  public var count: Int
  /// The mean of each channel.
  public var mean: [Float]
  /// The mean square distance from the mean, of each channel: biased, divided by M.
  public var variance: [Float]

  /// Makes statistics from their parts.
  public init(count: Int, mean: [Float], variance: [Float]) {
    (self.count, self.mean, self.variance) = (count, mean, variance)
  }

  /// The variance that running averages take, divided by M - 1; of a single position, 0.
  public var unbiasedVariance: [Float] {
    variance.map { $0 * Float(count) / Float(max(1, count - 1)) }
  }

  /// The norm as a scale and a shift: `scale = weight / sqrt(variance + epsilon)`,
  /// `shift = bias - mean * scale`.
  ///
  /// - Parameters:
  ///   - weight: `[C]`
  ///   - bias: `[C]`
  public func finish(
    weight: Tensor, bias: Tensor, epsilon: Float, rectified: Bool = false
  ) -> Finish {
    let scale = mean.indices.map { weight.values[$0] * inverseDeviation($0, epsilon) }
    return Finish(
      scale: scale, shift: mean.indices.map { bias.values[$0] - mean[$0] * scale[$0] },
      rectified: rectified)
  }

  /// `1 / sqrt(variance + epsilon)` of a channel.
  func inverseDeviation(_ channel: Int, _ epsilon: Float) -> Float {
    1 / (variance[channel] + epsilon).squareRoot()
  }
}

/// The mean and the biased variance of each channel, summed in 64 bits, the variance around the
/// mean. The definition.
///
/// - Parameter input: `[N, C, H, W]`
public func plainBatchStatistics(_ input: Tensor) -> BatchStatistics {
  let channels = input.shape[1]
  let plane = input.shape.extents.dropFirst(2).reduce(1, *)
  let count = input.shape[0] * plane
  var (means, variances) = ([Float](), [Float]())
  for c in 0..<channels {
    let cells = (0..<count).map { index in
      Double(input.values[(index / plane * channels + c) * plane + index % plane])
    }
    let mean = cells.reduce(0, +) / Double(max(1, count))
    let variance = cells.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(1, count))
    means.append(Float(mean))
    variances.append(Float(variance))
  }
  return BatchStatistics(count: count, mean: means, variance: variances)
}

/// The mean and the biased variance of each channel, as `plainBatchStatistics`, eight positions at
/// a time; or, if `KernelForm.current` says so, by the definition.
///
/// - Parameter input: `[N, C, H, W]`
public func batchStatistics(_ input: Tensor) -> BatchStatistics {
  if KernelForm.current == .plain { return plainBatchStatistics(input) }
  let channels = input.shape[1]
  let count = input.count / max(1, channels)
  let divisor = Float(max(1, count))
  let mean = channelSums(input).values.map { $0 / divisor }
  // The sum of (x - m) (x - m') is around m and m' alike as long as they are near the mean.
  let squares = channelSquares(input, around: mean).map { $0 / divisor }
  return BatchStatistics(count: count, mean: mean, variance: squares)
}

/// The sum of `(x - middle[c])^2` over each channel.
private func channelSquares(_ input: Tensor, around middle: [Float]) -> [Float] {
  let (count, channels) = (input.shape[0], input.shape[1])
  let plane = input.shape.extents.dropFirst(2).reduce(1, *)
  return input.values.withUnsafeBufferPointer { buffer -> [Float] in
    guard let base = buffer.baseAddress else { return middle.map { _ in 0 } }
    let source = SharedReading(base)
    return Threads.map(channels) { c in
      let mean = middle[c]
      var sum = 0.0
      for n in 0..<count {
        let cells = source.pointer + (n * channels + c) * plane
        sum += longSum(
          plane,
          eight: { index in
            let cell: Eight = load(cells + index)
            return (cell - mean) * (cell - mean)
          }, one: { (cells[$0] - mean) * (cells[$0] - mean) })
      }
      return Float(sum)
    }
  }
}

/// Batch norm in training, by the batch's own mean and biased variance:
///
///     y = (x - mean[c]) / sqrt(variance[c] + epsilon) * weight[c] + bias[c]
///
/// The definition; `batchNorm` computes the same faster.
///
/// - Parameters:
///   - input: `[N, C, H, W]`
///   - weight: `[C]`
///   - bias: `[C]`
///   - epsilon: keeps a channel that is constant from being divided by 0
/// - Returns: `[N, C, H, W]`, and what the gradient needs
public func plainBatchNorm(
  _ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float
) -> (output: Tensor, statistics: BatchStatistics) {
  let statistics = plainBatchStatistics(input)
  let plane = input.shape.extents.dropFirst(2).reduce(1, *)
  var output = input
  for index in 0..<input.count {
    let c = index / plane % input.shape[1]
    output.values[index] =
      (input.values[index] - statistics.mean[c]) * statistics.inverseDeviation(c, epsilon)
      * weight.values[c] + bias.values[c]
  }
  return (output, statistics)  // [N, C, H, W]
}

/// Batch norm in training, as `plainBatchNorm`, with what may follow it: the sum with a shortcut
/// and a ReLU; by the definition, if `KernelForm.current` says so.
///
/// - Parameters:
///   - input: `[N, C, H, W]`
///   - weight: `[C]`
///   - bias: `[C]`
///   - epsilon: keeps a channel that is constant from being divided by 0
///   - adding: `[N, C, H, W]`, added before the ReLU
/// - Returns: `[N, C, H, W]`, and what the gradient needs
public func batchNorm(
  _ input: Tensor, weight: Tensor, bias: Tensor, epsilon: Float, adding: Tensor? = nil,
  rectified: Bool = false
) -> (output: Tensor, statistics: BatchStatistics) {
  if KernelForm.current == .plain {
    let (output, statistics) = plainBatchNorm(
      input, weight: weight, bias: bias, epsilon: epsilon)
    return (Finish(rectified: rectified).applied(to: output, adding: adding), statistics)
  }
  let statistics = batchStatistics(input)
  let finish = statistics.finish(
    weight: weight, bias: bias, epsilon: epsilon, rectified: rectified)
  return (finish.applied(to: input, adding: adding), statistics)  // [N, C, H, W]
}
