// The region proposal network's backward pass. Its weights serve every level, so their gradients
// are summed over the levels. L is the loss; d… stands for dL/d….
//
// N images, C channels, A anchors per cell, H W rows and columns of a level.

import Kernels
import Model
import Tensors

/// What the backward pass of the RPN's head on one level needs of the forward pass.
public struct RPNTape: Sendable {
  /// The 3x3 convolutions.
  public var convolutions: [ConvolutionTape]
  /// What the two 1x1 convolutions read, `[N, C, H, W]`.
  public var objectness: ConvolutionTape
  /// The same input, for the deltas.
  public var deltas: ConvolutionTape
}

/// Runs the head on one level, as `rpnPrediction` does, and keeps what its backward pass needs.
///
/// - Parameter features: `[N, C, H, W]`
/// - Returns: objectness `[N, A, H, W]`, deltas `[N, 4 A, H, W]`, and the tape
public func rpnForward(
  _ features: Tensor, _ head: RPNHead, norms: NormTraining
) -> (prediction: RPNPrediction, tape: RPNTape) {
  var hidden = features
  var tapes: [ConvolutionTape] = []
  for convolution in head.convolutions {
    let (output, tape) = convolution.forward(hidden, rectified: true, norms: norms)
    hidden = output  // [N, C, H, W]
    tapes.append(tape)
  }
  let objectness = head.objectness.forward(hidden, rectified: false, norms: norms)
  let deltas = head.deltas.forward(hidden, rectified: false, norms: norms)
  return (
    RPNPrediction(objectness: objectness.output, deltas: deltas.output),
    RPNTape(convolutions: tapes, objectness: objectness.tape, deltas: deltas.tape)
  )
}

/// The head's backward pass on one level.
///
/// - Parameters:
///   - objectness: dL/dobjectness, `[N, A, H, W]`
///   - deltas: dL/ddeltas, `[N, 4 A, H, W]`
/// - Returns: dL/dfeatures, `[N, C, H, W]`, and the gradients of the parameters
public func rpnBackward(
  objectness: Tensor, deltas: Tensor, _ head: RPNHead, _ tape: RPNTape
) -> (features: Tensor, parameters: RPNHead) {
  var parameters = head
  let first = head.objectness.backward(objectness, tape.objectness)
  let second = head.deltas.backward(deltas, tape.deltas)
  (parameters.objectness, parameters.deltas) = (first.parameters, second.parameters)
  // Both read the same features: their gradients add.
  var gradient = first.input ?? tape.objectness.input  // [N, C, H, W]
  if let input = second.input { gradient.add(input) }
  for index in head.convolutions.indices.reversed() {
    let result = head.convolutions[index].backward(gradient, tape.convolutions[index])
    parameters.convolutions[index] = result.parameters
    gradient = result.input ?? gradient
  }
  return (gradient, parameters)
}
