// The mask head's backward pass. L is the loss; d… stands for dL/d….
//
// R RoIs, C channels, Y X the grid of bins, U channels of the upsampling, K classes.

import Kernels
import Model
import Tensors

/// What the backward pass of the mask head needs of the forward pass.
///
/// The upsampled maps are not kept, though the backward pass reads them: they are by far the
/// largest tensor of a network in training, and cheap to compute again, some RoIs at a time.
public struct MaskHeadTape: Sendable {
  /// The 3x3 convolutions.
  public var convolutions: [ConvolutionTape]
  /// What the transposed convolution reads, `[R, C, Y, X]`.
  public var upsamplingInput: Tensor
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
  let logits = piecesOfRoIs(hidden.shape[0]).map { rois in
    head.logits(head.upsampled(hidden.rows(rois)), rectified: false)
  }
  let (count, factor) = (hidden.shape[0], head.upsampling.stride)
  let shape: Shape = [
    count, head.logits.weight.shape[0], factor * hidden.shape[2], factor * hidden.shape[3],
  ]
  return (
    Tensor(shape, joining: logits),
    MaskHeadTape(convolutions: convolutions, upsamplingInput: hidden)
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
  var parameters = head.zeros
  let pieces = piecesOfRoIs(logits.shape[0]).map { rois in
    predictorBackward(
      logits.rows(rois), input: tape.upsamplingInput.rows(rois), head, parameters: &parameters)
  }
  var gradient = Tensor(tape.upsamplingInput.shape, joining: pieces)  // [R, C, Y, X]
  for index in head.convolutions.indices.reversed() {
    let result = head.convolutions[index].backward(gradient, tape.convolutions[index])
    parameters.convolutions[index] = result.parameters
    gradient = result.input ?? gradient
  }
  return (gradient, parameters)
}

/// The backward pass of upsampling and logits for some of the RoIs, R' of them.
///
/// - Parameters:
///   - logits: dL/dlogits, `[R', K, 2 Y, 2 X]`
///   - input: what the transposed convolution reads, `[R', C, Y, X]`
///   - parameters: what the gradients of the parameters are added to
/// - Returns: dL/dinput, `[R', C, Y, X]`
private func predictorBackward(
  _ logits: Tensor, input: Tensor, _ head: MaskHead, parameters: inout MaskHead
) -> Tensor {
  let upsampled = head.upsampled(input)  // [R', U, 2 Y, 2 X]
  let last = head.logits.backward(logits, ConvolutionTape(input: upsampled))
  parameters.logits.add(last.parameters)
  let gradient = reluGradient(last.input ?? upsampled, output: upsampled)  // [R', U, 2 Y, 2 X]
  parameters.upsampling.weight.add(
    transposedConvolutionWeightGradient(
      input, outputGradient: gradient, kernel: head.upsampling.weight.shape[2]))
  parameters.upsampling.bias?.add(channelSums(gradient))
  return transposedConvolutionInputGradient(gradient, weight: head.upsampling.packed)
}

/// The RoIs whose masks are upsampled together: 32 at a time.
private func piecesOfRoIs(_ count: Int) -> [Range<Int>] {
  stride(from: 0, to: count, by: 32).map { $0..<min(count, $0 + 32) }
}
