// The mask head's backward pass. L is the loss; d… stands for dL/d….
//
// R RoIs, C channels, Y X the grid of bins, U channels of the upsampling, K classes.

import Kernels
import Model
import Tensors

/// What the backward pass of the mask head needs of the forward pass.
public struct MaskHeadTape: Sendable {
  /// The 3x3 convolutions.
  public var convolutions: [ConvolutionTape]
  /// What the transposed convolution reads, `[R, C, Y, X]`.
  public var upsamplingInput: Tensor
  /// Its output after ReLU, `[R, U, 2 Y, 2 X]`.
  public var upsampled: Tensor
  /// The 1x1 convolution.
  public var logits: ConvolutionTape
}

/// Runs the mask head, as `maskLogits` does, and keeps what its backward pass needs.
///
/// - Parameter features: `[R, C, Y, X]`
/// - Returns: `[R, K, 2 Y, 2 X]` logits and the tape
public func maskHeadForward(
  _ features: Tensor, _ head: MaskHead, norms: NormTraining
) -> (logits: Tensor, tape: MaskHeadTape) {
  var hidden = features
  var convolutions: [ConvolutionTape] = []
  for convolution in head.convolutions {
    let (output, tape) = convolution.forward(hidden, rectified: true, norms: norms)
    hidden = output  // [R, C, Y, X]
    convolutions.append(tape)
  }
  let upsampled = transposedConvolution(
    hidden, weight: head.upsampling.packed, finish: head.upsampling.finish(rectified: true)
  )  // [R, U, 2 Y, 2 X]
  let (logits, tape) = head.logits.forward(upsampled, rectified: false, norms: norms)
  return (
    logits,
    MaskHeadTape(
      convolutions: convolutions, upsamplingInput: hidden, upsampled: upsampled, logits: tape)
  )
}

/// The mask head's backward pass.
///
/// - Parameter logits: dL/dlogits, `[R, K, 2 Y, 2 X]`, zero in the channels of other classes than
///   the RoI's own
/// - Returns: dL/dfeatures, `[R, C, Y, X]`, and the gradients of the parameters
public func maskHeadBackward(
  _ logits: Tensor, _ head: MaskHead, _ tape: MaskHeadTape
) -> (features: Tensor, parameters: MaskHead) {
  var parameters = head
  let last = head.logits.backward(logits, tape.logits)
  parameters.logits = last.parameters
  let upsampled = reluGradient(
    last.input ?? tape.upsampled, output: tape.upsampled)  // [R, U, 2 Y, 2 X]
  parameters.upsampling.weight = transposedConvolutionWeightGradient(
    tape.upsamplingInput, outputGradient: upsampled, kernel: head.upsampling.weight.shape[2])
  parameters.upsampling.bias = channelSums(upsampled)
  var gradient = transposedConvolutionInputGradient(
    upsampled, weight: head.upsampling.packed)  // [R, C, Y, X]
  for index in head.convolutions.indices.reversed() {
    let result = head.convolutions[index].backward(gradient, tape.convolutions[index])
    parameters.convolutions[index] = result.parameters
    gradient = result.input ?? gradient
  }
  return (gradient, parameters)
}
