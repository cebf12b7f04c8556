// The box head's backward pass. L is the loss; d… stands for dL/d….
//
// R RoIs, C channels, Y X the grid of bins, F features, K classes with the background as class 0.

import Kernels
import Model
import Tensors

/// What the backward pass of the box head needs of the forward pass.
public struct BoxHeadTape: Sendable {
  /// The 3x3 convolutions of the v2 layout.
  public var convolutions: [ConvolutionTape]
  /// The shape that the fully connected layers read as rows, `[R, C, Y, X]`.
  public var maps: Shape
  /// The fully connected layers.
  public var layers: [LinearTape]
  /// What both predictors read, `[R, F]`.
  public var predictors: LinearTape
}

/// Runs the box head, as `boxPrediction` does, and keeps what its backward pass needs.
///
/// - Parameter features: `[R, C, Y, X]`
public func boxHeadForward(
  _ features: Tensor, _ head: BoxHead, norms: NormTraining
) -> (prediction: BoxPrediction, tape: BoxHeadTape) {
  var maps = features
  var convolutions: [ConvolutionTape] = []
  for convolution in head.convolutions {
    let (output, tape) = convolution.forward(maps, rectified: true, norms: norms)
    maps = output  // [R, C, Y, X]
    convolutions.append(tape)
  }
  let shape = maps.shape
  var hidden = maps.reshaped([shape[0], shape.extents.dropFirst().reduce(1, *)])  // [R, C Y X]
  var layers: [LinearTape] = []
  for layer in head.layers {
    let (output, tape) = layer.forward(hidden, rectified: true)
    hidden = output  // [R, F]
    layers.append(tape)
  }
  let (logits, predictors) = head.classLogits.forward(hidden, rectified: false)  // [R, K]
  let deltas = head.boxDeltas(hidden, rectified: false)  // [R, 4 K]
  return (
    BoxPrediction(
      features: hidden, classLogits: logits, classScores: softmax(logits), deltas: deltas),
    BoxHeadTape(convolutions: convolutions, maps: shape, layers: layers, predictors: predictors)
  )
}

/// The box head's backward pass.
///
/// - Parameters:
///   - classLogits: dL/dlogits, `[R, K]`
///   - deltas: dL/ddeltas, `[R, 4 K]`
/// - Returns: dL/dfeatures, `[R, C, Y, X]`, and the gradients of the parameters
public func boxHeadBackward(
  classLogits: Tensor, deltas: Tensor, _ head: BoxHead, _ tape: BoxHeadTape
) -> (features: Tensor, parameters: BoxHead) {
  var parameters = head
  let first = head.classLogits.backward(classLogits, tape.predictors)
  let second = head.boxDeltas.backward(deltas, tape.predictors)
  (parameters.classLogits, parameters.boxDeltas) = (first.parameters, second.parameters)
  // Both predictors read the same features: their gradients add.
  var rows = first.input  // [R, F]
  rows.add(second.input)
  for index in head.layers.indices.reversed() {
    let result = head.layers[index].backward(rows, tape.layers[index])
    parameters.layers[index] = result.parameters
    rows = result.input
  }
  var maps = rows.reshaped(tape.maps)  // [R, C, Y, X]
  for index in head.convolutions.indices.reversed() {
    let result = head.convolutions[index].backward(maps, tape.convolutions[index])
    parameters.convolutions[index] = result.parameters
    maps = result.input ?? maps
  }
  return (maps, parameters)
}
