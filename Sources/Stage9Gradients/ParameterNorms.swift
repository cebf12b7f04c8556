// Stage 9, how large the gradient of each loss is at each parameter. L is a loss.

import Model
import Stage8Losses
import Tensors

/// The L2 norm of the gradient of every loss at one parameter.
public struct ParameterNorm: Sendable, Equatable {
  /// torchvision's name.
  public let name: String
  /// How many elements the parameter has.
  public let count: Int
  /// The L2 norm of the parameter itself, `sqrt(sum of its squares)`.
  public let norm: Float
  /// `sqrt(sum of (dL/dparameter)²)` over its elements, for each loss that was differentiated.
  public let gradients: [LossName: Float]
}

/// A part of the network whose layers are taken together in figures and tables.
public enum NetworkPart: String, Sendable, CaseIterable {
  case stem, layer1, layer2, layer3, layer4
  case inner = "pyramid 1x1"
  case outer = "pyramid 3x3"
  case rpn = "RPN head"
  case boxHead = "box head"
  case maskHead = "mask head"

  /// The part that a parameter belongs to, by torchvision's name of it.
  public init?(parameter name: String) {
    let starts: [(String, NetworkPart)] = [
      ("backbone.body.layer1.", .layer1), ("backbone.body.layer2.", .layer2),
      ("backbone.body.layer3.", .layer3), ("backbone.body.layer4.", .layer4),
      ("backbone.body.", .stem), ("backbone.fpn.inner", .inner), ("backbone.fpn.layer", .outer),
      ("rpn.", .rpn), ("roi_heads.box", .boxHead), ("roi_heads.mask", .maskHead),
    ]
    guard let part = starts.first(where: { name.hasPrefix($0.0) })?.1 else { return nil }
    self = part
  }
}

/// `sqrt(sum of squares)`, summed in Double.
public func norm(_ values: [Float]) -> Float {
  Float(values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
}

extension MaskRCNNParameters {
  /// The L2 norm of every parameter, in the order of the tree.
  var norms: [Float] { parameters.map { norm($0.value.values) } }
}

/// The norms of the learned parameters' gradients, in the order of the parameter tree.
///
/// - Parameter gradients: the norms of each loss's gradient, of every parameter of the tree
func parameterNorms(
  _ gradients: [LossName: [Float]], _ parameters: MaskRCNNParameters
) -> [ParameterNorm] {
  parameters.parameters.enumerated().compactMap { index, parameter in
    guard parameter.slot.kind.isLearned else { return nil }
    return ParameterNorm(
      name: parameter.slot.name, count: parameter.value.count,
      norm: norm(parameter.value.values), gradients: gradients.mapValues { $0[index] })
  }
}

extension [ParameterNorm] {
  /// The norm of one loss's gradient at a part: at all its parameters as one vector.
  public func norm(of part: NetworkPart, _ loss: LossName) -> Float {
    Stage9Gradients.norm(
      filter { NetworkPart(parameter: $0.name) == part }.map { $0.gradients[loss] ?? 0 })
  }
}
