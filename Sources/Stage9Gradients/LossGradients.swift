// Stage 9, the backward passes of single losses, and one step of gradient descent.

import Model
import Stage7Targets
import Stage8Losses
import Tensors

/// The gradient of a sum of losses, and the norms of each loss's own gradient.
public struct LossGradients: Sendable {
  /// Of the sum.
  public let sum: NetworkGradient
  /// Of every learned parameter.
  public let norms: [ParameterNorm]

  /// Computes the gradient of each loss by itself: differentiation is linear, so the sum's gradient
  /// is the sum of theirs.
  ///
  /// - Parameters:
  ///   - chosen: at least one loss
  ///   - report: called before each backward pass with the loss, and how far this is: `2 of 5`
  public init(
    of chosen: [LossName], _ images: ImagePass, _ rois: RoIPass, anchors: [AnchorTargets],
    rois targets: [RoITargets], _ parameters: MaskRCNNParameters,
    report: (_ loss: LossName, _ count: String) -> Void = { _, _ in }
  ) {
    var sum: NetworkGradient?
    var norms: [LossName: [Float]] = [:]
    for (index, loss) in chosen.enumerated() {
      report(loss, "\(index + 1) of \(chosen.count)")
      let gradient = networkGradient(
        images, rois, anchors: anchors, rois: targets, parameters,
        BackwardOptions(losses: [loss], frozenParts: 0, needsInput: true))
      norms[loss] = gradient.parameters.norms
      sum?.add(gradient)
      sum = sum ?? gradient
    }
    guard let sum else { preconditionFailure("there is no loss to differentiate") }
    self.sum = sum
    self.norms = parameterNorms(norms, parameters)
  }
}

extension NetworkGradient {
  /// Adds the gradient of another loss.
  mutating func add(_ other: NetworkGradient) {
    func add(_ sum: inout Tensor?, _ part: Tensor?) {
      guard let part else { return }
      sum?.add(part)
      sum = sum ?? part
    }
    parameters.add(other.parameters)
    for level in pyramid.indices { pyramid[level].add(other.pyramid[level]) }
    for level in trunk.indices { add(&trunk[level], other.trunk[level]) }
    add(&input, other.input)
    add(&boxFeatures, other.boxFeatures)
    add(&maskFeatures, other.maskFeatures)
  }
}

extension MaskRCNNParameters {
  /// One step of gradient descent: `p - learningRate * dL/dp`, for every learned parameter.
  public func descended(_ gradient: MaskRCNNParameters, learningRate: Float) -> MaskRCNNParameters {
    var moved = self
    moved.update(with: gradient) { slot, value, slope in
      guard slot.kind.isLearned else { return nil }
      return Tensor(slot.shape, zip(value.values, slope.values).map { $0 - learningRate * $1 })
    }
    return moved
  }
}
