// Stochastic gradient descent with momentum. Paper: section 3.1, "Training"; Sutskever et al. 2013,
// "On the importance of initialization and momentum in deep learning"; torch.optim.SGD.

import Model
import Tensors

/// Stochastic gradient descent with momentum, in torch's convention. Of every trained parameter p
/// with gradient g:
///
///     g <- g min(1, m / (|g| + 1e-6))     where gradients are clipped; |g| of all parameters together
///     v <- mu v + (g + lambda p)          momentum mu, weight decay lambda, v = 0 at first
///     p <- p - rate v
///
/// The rate multiplies the velocity, not the gradient: when the rate changes, so does at once what
/// earlier gradients still do. Caffe's momentum, which Detectron's first version had, keeps
/// `rate v` instead.
public struct SGD: Sendable {
  /// mu
  public var momentum: Float
  /// lambda
  public var weightDecay: Float
  /// Whether norms' scales and shifts and all biases decay too, as they do in torchvision's
  /// reference training unless told otherwise.
  public var decaysNormsAndBiases: Bool
  /// m: the greatest length of the gradient; nil to clip nothing.
  public var greatestNorm: Float?
  /// Which parameters are trained.
  public var trained: TrainedParameters
  /// v, in the shape of the parameters; statistics stay 0.
  public private(set) var velocity: MaskRCNNParameters

  /// Makes an optimizer at rest.
  public init(
    _ parameters: MaskRCNNParameters, momentum: Float, weightDecay: Float,
    decaysNormsAndBiases: Bool, greatestNorm: Float?, trained: TrainedParameters
  ) {
    (self.momentum, self.weightDecay) = (momentum, weightDecay)
    (self.decaysNormsAndBiases, self.greatestNorm) = (decaysNormsAndBiases, greatestNorm)
    self.trained = trained
    velocity = parameters.zeros
  }

  /// Goes on from the velocity that a checkpoint holds.
  public mutating func restore(velocity: MaskRCNNParameters) { self.velocity = velocity }

  /// Takes one step.
  ///
  /// - Parameters:
  ///   - gradients: dL/dparameter, in the shape of the parameters
  ///   - rate: the learning rate of this step
  /// - Returns: |g|, before it is clipped: the root of the sum of all squares
  @discardableResult
  public mutating func step(
    _ parameters: inout MaskRCNNParameters, _ gradients: MaskRCNNParameters, rate: Float
  ) -> Double {
    let norm = trained.norm(of: gradients)
    let clip = greatestNorm.map { min(1, $0 / (Float(norm) + 1e-6)) } ?? 1
    let (trained, mu, lambda, decaysAll) = (trained, momentum, weightDecay, decaysNormsAndBiases)
    velocity.update(with: gradients, parameters) { slot, v, g, p in
      guard trained.contains(slot) else { return nil }
      let decay = decaysAll || slot.kind == .weight ? lambda : 0
      return combined(v, g, p) { v, g, p in mu * v + (clip * g + decay * p) }
    }
    parameters.update(with: velocity) { slot, p, v in
      trained.contains(slot) ? combined(p, v, v) { p, v, _ in p - rate * v } : nil
    }
    return norm
  }
}

/// Which parameters of a network are trained.
public struct TrainedParameters: Sendable, Equatable {
  private let norms: NormTraining
  private let frozen: Set<String>

  /// All but those of the frozen parts of the trunk, counted from the stem, and, where norms are
  /// frozen, theirs.
  public init(_ parameters: MaskRCNNParameters, norms: NormTraining, frozenParts: Int) {
    self.norms = norms
    let (stem, layers) = (parameters.backbone.stem, parameters.backbone.layers)
    let parts = [stem.parameters.map(\.slot.name)] + layers.map { $0.parameters.map(\.slot.name) }
    frozen = Set(parts.prefix(frozenParts).joined())
  }

  /// Whether a parameter is trained.
  public func contains(_ slot: ParameterSlot) -> Bool {
    switch slot.kind {
    case .runningMean, .runningVariance: false
    case .normScale, .normShift: norms != .frozen && !frozen.contains(slot.name)
    case .weight, .bias: !frozen.contains(slot.name)
    }
  }

  /// Whether a statistic follows the batches.
  public func follows(_ slot: ParameterSlot) -> Bool {
    !slot.kind.isLearned && norms == .batchStatistics && !frozen.contains(slot.name)
  }

  /// The root of the sum of the squares of all trained parameters' gradients, in Double.
  public func norm(of gradients: MaskRCNNParameters) -> Double {
    var sum = 0.0
    for (slot, value) in gradients.parameters where contains(slot) {
      sum += value.values.reduce(0) { $0 + Double($1) * Double($1) }
    }
    return sum.squareRoot()
  }
}

/// `f(a, b, c)`, element by element.
@inline(__always)
func combined(
  _ a: Tensor, _ b: Tensor, _ c: Tensor, _ f: (Float, Float, Float) -> Float
) -> Tensor {
  Tensor(uninitialized: a.shape) { result in
    a.values.withUnsafeBufferPointer { a in
      b.values.withUnsafeBufferPointer { b in
        c.values.withUnsafeBufferPointer { c in
          for index in a.indices { result[index] = f(a[index], b[index], c[index]) }
        }
      }
    }
  }
}
