import Kernels
import Tensors

// What a layer keeps of its forward pass, and its backward pass. The gradient of a layer's
// parameters is a layer of the same shape: its weight is dL/dweight, its bias dL/dbias, and so on.
//
// L is the loss; d… stands for dL/d…. N images or RoIs, I input channels, O output channels,
// H W input rows and columns, Y X output rows and columns, R rows of a matrix.

/// How the batch norms of a network take part in a backward pass.
public enum NormTraining: String, Sendable, CaseIterable {
  /// Fixed statistics, fixed scale and shift: torchvision's `FrozenBatchNorm2d`.
  case frozen
  /// Fixed statistics; scale and shift have a gradient: `BatchNorm2d` in evaluation mode.
  case fixedStatistics
  /// The statistics of the batch; scale and shift have a gradient: `BatchNorm2d` in training mode.
  case batchStatistics
}

/// What the backward pass of a convolution, with its norm and ReLU, needs of the forward pass.
public struct ConvolutionTape: Sendable {
  /// `[N, I, H, W]`
  public var input: Tensor
  /// The batch norm's part, where its scale and shift have a gradient.
  public var norm: BatchNormTape?
  /// `[N, O, Y, X]`: after ReLU where there is one; nil where there is none.
  public var rectified: Tensor?

  /// Makes the tape of a convolution; of one without norm and ReLU, its input is all of it.
  public init(input: Tensor, norm: BatchNormTape? = nil, rectified: Tensor? = nil) {
    (self.input, self.norm, self.rectified) = (input, norm, rectified)
  }
}

/// What the backward pass of a batch norm needs of the forward pass.
public struct BatchNormTape: Sendable {
  /// The norm's input, `[N, O, Y, X]`.
  public var input: Tensor
  /// The statistics that normalised it; nil where they were the layer's own, fixed ones.
  public var batch: BatchStatistics?
}

/// The gradients of a convolution with its norm and ReLU.
public struct ConvolutionGradient: Sendable {
  /// dL/dinput, `[N, I, H, W]`; nil where it was not asked for.
  public var input: Tensor?
  /// dL/dadding, `[N, O, Y, X]`: the gradient before the ReLU, which a shortcut receives as it is.
  public var adding: Tensor
  /// dL/dparameters. The norm's mean and variance hold the batch's statistics where the batch was
  /// normalised by them, for the running averages, and are otherwise the layer's own.
  public var parameters: Convolution
}

extension Convolution {
  /// The convolution as `callAsFunction` computes it, and what the backward pass needs of it.
  ///
  ///     y = ReLU(norm(w * x + b) + adding)
  ///
  /// - Parameters:
  ///   - input: `[N, I, H, W]`
  ///   - adding: `[N, O, Y, X]`, added before the ReLU
  /// - Returns: `[N, O, Y, X]` and the tape
  public func forward(
    _ input: Tensor, adding: Tensor? = nil, rectified: Bool, norms: NormTraining
  ) -> (output: Tensor, tape: ConvolutionTape) {
    guard let norm, norms != .frozen else {
      let output = self(input, adding: adding, rectified: rectified)
      return (output, ConvolutionTape(input: input, rectified: rectified ? output : nil))
    }
    let sums = convolution(
      input, weight: packed, finish: Finish(shift: bias?.values), stride: stride,
      padding: padding, groups: groups)  // [N, O, Y, X]
    let batch = norms == .batchStatistics ? batchStatistics(sums) : nil
    let finish = norm.finish(batch, rectified: rectified)
    let output = finish.applied(to: sums, adding: adding)  // [N, O, Y, X]
    return (
      output,
      ConvolutionTape(
        input: input, norm: BatchNormTape(input: sums, batch: batch),
        rectified: rectified ? output : nil)
    )
  }

  /// The backward pass:
  ///
  ///     dz = dy where y > 0, otherwise 0     (dy without a ReLU)
  ///     dadding = dz,  ds = dz through the norm
  ///     dw[o, i, u, v] = sum over n, y, x of ds[n, o, y, x] x[n, i, s y - p + u, s x - p + v]
  ///     db[o] = sum over n, y, x of ds[n, o, y, x]
  ///     dx[n, i, r, c] = sum over o, u, v of ds[n, o, y, x] w[o, i, u, v],  r = s y - p + u, …
  ///
  /// - Parameters:
  ///   - outputGradient: dy, `[N, O, Y, X]`
  ///   - needsInput: whether dx is computed
  public func backward(
    _ outputGradient: Tensor, _ tape: ConvolutionTape, needsInput: Bool = true
  ) -> ConvolutionGradient {
    let dz = tape.rectified.map { reluGradient(outputGradient, output: $0) } ?? outputGradient
    var ds = dz  // [N, O, Y, X]
    var normGradient = norm
    if let norm, let saved = tape.norm {
      let gradient = norm.gradient(dz, saved)
      ds = gradient.input
      normGradient?.weight = gradient.weight
      normGradient?.bias = gradient.bias
      if let batch = saved.batch {
        normGradient?.mean = Tensor(norm.mean.shape, batch.mean)
        normGradient?.variance = Tensor(norm.variance.shape, batch.unbiasedVariance)
      }
    } else if let norm {
      ds = Finish(scale: norm.finish(nil, rectified: false).scale).applied(to: dz)
      normGradient?.weight = Tensor(norm.weight.shape, repeating: 0)
      normGradient?.bias = Tensor(norm.bias.shape, repeating: 0)
    }
    let input =
      needsInput
      ? convolutionInputGradient(
        ds, weight: packed, rows: tape.input.shape[2], columns: tape.input.shape[3],
        stride: stride, padding: padding, groups: groups) : nil  // [N, I, H, W]
    let dw = convolutionWeightGradient(
      tape.input, outputGradient: ds, kernelRows: weight.shape[2], kernelColumns: weight.shape[3],
      stride: stride, padding: padding, groups: groups)  // [O, I / G, K, K]
    var parameters = self
    parameters.weight = dw
    parameters.bias = bias == nil ? nil : channelSums(ds)
    parameters.norm = normGradient
    return ConvolutionGradient(input: input, adding: dz, parameters: parameters)
  }
}

extension BatchNorm {
  /// The norm as a scale and a shift per channel, with the batch's statistics or its own.
  func finish(_ batch: BatchStatistics?, rectified: Bool) -> Finish {
    let statistics =
      batch
      ?? BatchStatistics(count: 1, mean: mean.values, variance: variance.values)
    return statistics.finish(weight: weight, bias: bias, epsilon: epsilon, rectified: rectified)
  }

  /// The gradients of the norm's input, scale and shift.
  func gradient(_ outputGradient: Tensor, _ tape: BatchNormTape) -> NormGradient {
    if let batch = tape.batch {
      return batchNormGradient(
        outputGradient, input: tape.input, weight: weight, statistics: batch, epsilon: epsilon)
    }
    return frozenBatchNormGradient(
      outputGradient, input: tape.input, weight: weight, mean: mean, variance: variance,
      epsilon: epsilon)
  }
}

/// What the backward pass of a fully connected layer needs of the forward pass.
public struct LinearTape: Sendable {
  /// `[R, I]`
  public var input: Tensor
  /// `[R, O]`: after ReLU where there is one; nil where there is none.
  public var rectified: Tensor?
}

extension Linear {
  /// The layer as `callAsFunction` computes it, and what the backward pass needs of it.
  ///
  /// - Parameter input: `[R, I]`
  /// - Returns: `[R, O]` and the tape
  public func forward(_ input: Tensor, rectified: Bool) -> (output: Tensor, tape: LinearTape) {
    let output = self(input, rectified: rectified)
    return (output, LinearTape(input: input, rectified: rectified ? output : nil))
  }

  /// The backward pass:
  ///
  ///     dz = dy where y > 0, otherwise 0     (dy without a ReLU)
  ///     dW = dzᵀ x        db[o] = sum over r of dz[r, o]        dx = dz W
  ///
  /// - Parameter outputGradient: dy, `[R, O]`
  /// - Returns: dx, `[R, I]`, and the gradients of the parameters
  public func backward(
    _ outputGradient: Tensor, _ tape: LinearTape
  ) -> (input: Tensor, parameters: Linear) {
    let dz = tape.rectified.map { reluGradient(outputGradient, output: $0) } ?? outputGradient
    var parameters = self
    parameters.weight = linearWeightGradient(tape.input, outputGradient: dz)  // [O, I]
    parameters.bias = bias == nil ? nil : channelSums(dz)
    return (linearInputGradient(dz, weight: packed), parameters)  // [R, I]
  }
}

extension ParameterTree {
  /// Adds the learned parameters of another tree of the same layers, element by element: the
  /// gradients of weights that are used several times.
  public mutating func add(_ other: Self) {
    update(with: other) { slot, value, summand in
      guard slot.kind.isLearned else { return nil }
      var sum = value
      sum.add(summand)
      return sum
    }
  }
}
