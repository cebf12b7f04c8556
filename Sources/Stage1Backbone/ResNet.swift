// Stage 1, the backbone, first half: the trunk. Paper: section 3, "Network Architecture"; the
// trunk itself is He et al. 2016 (ResNet) or Xie et al. 2017 (ResNeXt).
//
// In: the padded input [N, 3, H, W].  Out: C2 ... C5, [N, C, H / s, W / s] at strides s of 4 ...
// 32.

import Kernels
import Model
import Tensors

/// What the trunk computed, from the first convolution to the last block.
public struct TrunkFeatures: Sendable {
  /// After the first convolution, norm and ReLU: stride 2.
  public var stem: Tensor
  /// After the max pool: stride 4.
  public var pooled: Tensor
  /// After every residual block, by name, `layer1.0`, `layer1.1`, …; empty unless asked for.
  public var blocks: [(name: String, features: Tensor)]
  /// C2 … C5, the last block of each layer; fewer where the network has fewer layers.
  public var levels: [Tensor]
}

/// Runs the trunk.
///
/// - Parameters:
///   - input: `[N, 3, H, W]`
///   - keepsBlocks: whether `blocks` is filled; if not, a block's memory serves the next but one
///   - report: called with the name of each part before it is computed
public func trunkFeatures(
  _ input: Tensor, _ backbone: Backbone, keepsBlocks: Bool = false,
  report: (String) -> Void = { _ in }
) -> TrunkFeatures {
  report("stem")
  let stem = backbone.stem(input, rectified: true)  // [N, C, H / 2, W / 2]
  let pooled = maxPool(stem, kernel: 3, stride: 2, padding: 1)  // [N, C, H / 4, W / 4]
  var blocks: [(name: String, features: Tensor)] = []
  var levels: [Tensor] = []
  var features = pooled
  for layer in backbone.layers {
    for block in layer {
      report(block.name)
      features = residualBlock(features, block)
      if keepsBlocks { blocks.append((block.name, features)) }
    }
    levels.append(features)  // [N, C, H / s, W / s], s = 4, 8, 16, 32
  }
  return TrunkFeatures(stem: stem, pooled: pooled, blocks: blocks, levels: levels)
}

/// One residual block: `y = ReLU(branch(x) + shortcut(x))`, with a ReLU after every convolution of
/// the branch but the last. The block learns what to add to its input, not what to make of it.
///
/// - Parameter input: `[N, I, H, W]`
/// - Returns: `[N, O, H / s, W / s]`, s the stride of the block
public func residualBlock(_ input: Tensor, _ block: ResidualBlock) -> Tensor {
  let shortcut = block.shortcut.map { $0(input, rectified: false) } ?? input
  var branch = input
  for convolution in block.branch.dropLast() {
    branch = convolution(branch, rectified: true)  // [N, O', H / s, W / s]
  }
  guard let last = block.branch.last else { return shortcut }
  return last(branch, adding: shortcut, rectified: true)
}
