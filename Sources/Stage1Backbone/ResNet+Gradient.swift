// The trunk's backward pass, block by block from the last to the first.
//
// L is the loss; d… stands for dL/d…. N images, C channels, H W rows and columns of the padded
// input, s a level's stride.

import Kernels
import Model
import Tensors

/// What the backward pass of a residual block needs of the forward pass.
public struct BlockTape: Sendable {
  /// One for every convolution of the branch; the last one's ReLU follows the addition.
  public var branch: [ConvolutionTape]
  /// The shortcut's convolution, where there is one.
  public var shortcut: ConvolutionTape?
}

/// What the backward pass of the trunk needs of the forward pass.
public struct TrunkTape: Sendable {
  /// The 7x7 convolution.
  public var stem: ConvolutionTape
  /// The max pool's input, `[N, C, H / 2, W / 2]`.
  public var poolInput: Tensor
  /// Per layer, per block.
  public var layers: [[BlockTape]]
}

/// Runs the trunk and keeps what its backward pass needs.
///
/// - Parameter input: `[N, 3, H, W]`
/// - Returns: C2 … C5, `[N, C, H / s, W / s]`, and the tape
public func trunkForward(
  _ input: Tensor, _ backbone: Backbone, norms: NormTraining
) -> (levels: [Tensor], tape: TrunkTape) {
  let (stem, stemTape) = backbone.stem.forward(input, rectified: true, norms: norms)
  var features = maxPool(stem, kernel: 3, stride: 2, padding: 1)  // [N, C, H / 4, W / 4]
  var levels: [Tensor] = []
  var tapes: [[BlockTape]] = []
  for layer in backbone.layers {
    var layerTapes: [BlockTape] = []
    for block in layer {
      let (output, tape) = residualBlockForward(features, block, norms: norms)
      features = output
      layerTapes.append(tape)
    }
    levels.append(features)  // [N, C, H / s, W / s], s = 4, 8, 16, 32
    tapes.append(layerTapes)
  }
  return (levels, TrunkTape(stem: stemTape, poolInput: stem, layers: tapes))
}

/// One residual block, as `residualBlock` computes it, and what its backward pass needs.
///
/// - Parameter input: `[N, I, H, W]`
/// - Returns: `[N, O, H / s, W / s]`, s the stride of the block, and the tape
public func residualBlockForward(
  _ input: Tensor, _ block: ResidualBlock, norms: NormTraining
) -> (output: Tensor, tape: BlockTape) {
  let shortcut = block.shortcut.map { $0.forward(input, rectified: false, norms: norms) }
  var tape = BlockTape(branch: [], shortcut: shortcut?.tape)
  var features = input
  for (index, convolution) in block.branch.enumerated() {
    let isLast = index == block.branch.count - 1
    let (output, saved) = convolution.forward(
      features, adding: isLast ? shortcut?.output ?? input : nil, rectified: true, norms: norms)
    features = output
    tape.branch.append(saved)
  }
  return (features, tape)
}

/// The backward pass of a residual block. The gradient before the last ReLU goes two ways: through
/// the branch, and through the shortcut, where the identity passes it on as it is. Both meet at
/// the input:
///
///     dx = dbranch/dx + dshortcut/dx
///
/// This is why deep ResNets train: no layer can block the shortcut's share (He et al. 2016,
/// "Identity Mappings in Deep Residual Networks", equation 5).
///
/// - Parameters:
///   - outputGradient: `[N, O, H / s, W / s]`
///   - needsInput: whether dx is computed
/// - Returns: dx, `[N, I, H, W]`, and the gradients of the parameters
public func residualBlockBackward(
  _ outputGradient: Tensor, _ block: ResidualBlock, _ tape: BlockTape, needsInput: Bool = true
) -> (input: Tensor?, parameters: ResidualBlock) {
  var parameters = block
  var gradient: Tensor? = outputGradient
  var shortcutGradient = outputGradient
  for index in block.branch.indices.reversed() {
    guard let current = gradient else { break }
    let result = block.branch[index].backward(
      current, tape.branch[index], needsInput: index > 0 || needsInput)
    parameters.branch[index] = result.parameters
    gradient = result.input
    if index == block.branch.count - 1 { shortcutGradient = result.adding }
  }
  if let shortcut = block.shortcut, let saved = tape.shortcut {
    let result = shortcut.backward(shortcutGradient, saved, needsInput: needsInput)
    parameters.shortcut = result.parameters
    if let input = result.input { gradient?.add(input) }
  } else {
    gradient?.add(shortcutGradient)
  }
  return (needsInput ? gradient : nil, parameters)
}

/// What reaches the trunk's tensors in a backward pass.
public struct TrunkGradient: Sendable {
  /// dC2 … dC5, whole: what the pyramid sent and what came back from the layers above. Nil for the
  /// levels below the trained layers.
  public var levels: [Tensor?]
  /// dL/dinput, `[N, 3, H, W]`; nil unless asked for.
  public var input: Tensor?
}

/// The trunk's backward pass.
///
/// - Parameters:
///   - levelGradients: what the pyramid sends to C2 … C5; nil where it reads none of a level
///   - frozenParts: how many parts from the input on need no gradient: 1 is the stem, 2 the stem
///     and layer 1, and so on; the pass ends above them. torchvision's `trainable_layers` is 5 -
///     frozenParts.
///   - needsInput: whether dL/dinput is computed; then the pass goes through the frozen parts too
///   - parameters: receives the gradients of the parts that are not frozen
/// - Returns: the gradients of C2 … C5 and of the input
public func trunkBackward(
  _ levelGradients: [Tensor?], _ backbone: Backbone, _ tape: TrunkTape, frozenParts: Int = 0,
  needsInput: Bool = false, parameters: inout Backbone
) -> TrunkGradient {
  var levels = [Tensor?](repeating: nil, count: backbone.layers.count)
  var gradient: Tensor?
  for layer in backbone.layers.indices.reversed() {
    // Layer l is part l + 1; the stem is part 0.
    guard needsInput || layer + 1 >= frozenParts else { return TrunkGradient(levels: levels) }
    if var total = levelGradients[layer] {
      if let above = gradient { total.add(above) }
      gradient = total
    }
    levels[layer] = gradient
    for block in backbone.layers[layer].indices.reversed() {
      guard let current = gradient else { break }
      let isLowest = layer + 1 == frozenParts && block == 0 && !needsInput
      let result = residualBlockBackward(
        current, backbone.layers[layer][block], tape.layers[layer][block], needsInput: !isLowest)
      if layer + 1 >= frozenParts { parameters.layers[layer][block] = result.parameters }
      gradient = result.input
    }
  }
  guard let pooled = gradient, needsInput || frozenParts == 0 else {
    return TrunkGradient(levels: levels)
  }
  let stemOutput = maxPoolGradient(
    pooled, input: tape.poolInput, kernel: 3, stride: 2, padding: 1)  // [N, C, H / 2, W / 2]
  let result = backbone.stem.backward(stemOutput, tape.stem, needsInput: needsInput)
  if frozenParts == 0 { parameters.stem = result.parameters }
  return TrunkGradient(levels: levels, input: result.input)
}
