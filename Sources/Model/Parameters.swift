import Kernels
import Tensors

// The parameter tree, one type per part of the network, with the layouts that PyTorch gives them. A
// layer knows its name: what follows it in the names of its parameters is `ParameterKind.suffix`.
//
// O output channels, I input channels, G groups, K kernel size, F features, K' classes.

/// A convolution with what is fused behind it: bias or batch norm, never a ReLU.
public struct Convolution: Sendable {
  /// torchvision's name, `backbone.body.conv1`.
  public let name: String
  /// The weight as the kernels read it.
  public private(set) var packed: PackedWeight
  /// `[O]`, absent where a norm follows.
  public var bias: Tensor?
  /// The batch norm behind the convolution.
  public var norm: BatchNorm?
  /// How far the kernel moves per output cell.
  public let stride: Int
  /// Zeros added on every side.
  public let padding: Int
  /// Groups of channels that do not mix.
  public let groups: Int

  /// `[O, I / G, K, K]`; for a transposed convolution `[I, O, K, K]`.
  public var weight: Tensor {
    get { packed.tensor }
    set { packed = PackedWeight(newValue) }
  }

  /// Makes a convolution from its parts.
  public init(
    name: String = "", weight: Tensor, bias: Tensor? = nil, norm: BatchNorm? = nil, stride: Int = 1,
    padding: Int = 0, groups: Int = 1
  ) {
    self.name = name
    packed = PackedWeight(weight)
    self.bias = bias
    self.norm = norm
    self.stride = stride
    self.padding = padding
    self.groups = groups
  }
}

/// Batch norm with fixed statistics: `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`.
public struct BatchNorm: Sendable {
  /// torchvision's name, `backbone.body.bn1`.
  public let name: String
  /// Scale per channel, `[C]`.
  public var weight: Tensor
  /// Shift per channel, `[C]`.
  public var bias: Tensor
  /// Mean per channel, `[C]`.
  public var mean: Tensor
  /// Variance per channel, `[C]`.
  public var variance: Tensor
  /// Keeps the root away from 0.
  public var epsilon: Float

  /// Makes a batch norm from its parts.
  public init(
    name: String = "", weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Float
  ) {
    self.name = name
    self.weight = weight
    self.bias = bias
    self.mean = mean
    self.variance = variance
    self.epsilon = epsilon
  }
}

/// A fully connected layer, `y = W x + b`.
public struct Linear: Sendable {
  /// torchvision's name, `roi_heads.box_head.fc6`.
  public let name: String
  /// The weight as the kernels read it.
  public private(set) var packed: PackedWeight
  /// `[outputs]`
  public var bias: Tensor?

  /// `[outputs, inputs]`
  public var weight: Tensor {
    get { packed.tensor }
    set { packed = PackedWeight(newValue) }
  }

  /// Makes a layer from its parts.
  public init(name: String = "", weight: Tensor, bias: Tensor?) {
    self.name = name
    packed = PackedWeight(weight)
    self.bias = bias
  }
}

/// One residual block: convolutions (two in a basic block, three in a bottleneck) with ReLU
/// between them, added to the shortcut, ReLU. He et al. 2016, figure 5.
public struct ResidualBlock: Sendable {
  /// `layer1.0`, `layer1.1`, …
  public var name: String
  /// The convolutions of the residual branch, each with its norm.
  public var branch: [Convolution]
  /// The 1x1 convolution of the shortcut where shape or stride changes; nil for the identity.
  public var shortcut: Convolution?

  /// Makes a block from its parts.
  public init(name: String, branch: [Convolution], shortcut: Convolution?) {
    self.name = name
    self.branch = branch
    self.shortcut = shortcut
  }
}

/// The trunk (a ResNet or ResNeXt) and the feature pyramid on it, if there is one.
public struct Backbone: Sendable {
  /// 7x7, stride 2.
  public var stem: Convolution
  /// `layer1` … `layer4`, whose last outputs are C2 … C5, or fewer.
  public var layers: [[ResidualBlock]]
  /// The pyramid's 1x1 convolutions on C2 … C5, or on the last of them; none where there is no
  /// pyramid and the trunk's last level is the only one.
  public var inner: [Convolution]
  /// The pyramid's 3x3 convolutions that make P2 … P5.
  public var outer: [Convolution]
  /// The 3x3 convolutions of stride 2 that make the two coarsest levels, P6 and P7, in place of
  /// every second cell of P5; usually none.
  public var coarse: [Convolution]

  /// Makes a backbone from its parts.
  public init(
    stem: Convolution, layers: [[ResidualBlock]], inner: [Convolution], outer: [Convolution],
    coarse: [Convolution] = []
  ) {
    self.stem = stem
    self.layers = layers
    self.inner = inner
    self.outer = outer
    self.coarse = coarse
  }

  /// The numbers of the levels that the network reads, 2 for P2: 2 … 6 in torchvision's own models.
  public var levels: ClosedRange<Int> {
    let top = layers.count + 1
    let above = inner.isEmpty ? 0 : max(coarse.count, 1)
    return top + 1 - max(inner.count, 1)...top + above
  }

  /// The channels of the levels.
  public var channels: Int {
    outer.last?.weight.shape[0] ?? layers.last?.last?.branch.last?.weight.shape[0] ?? 0
  }

  /// Whether the first of the convolutions of the coarsest levels reads the pyramid's level below
  /// it, P5, and not the trunk's, C5. torchvision decides by the channels, too.
  public var coarseReadsPyramid: Bool { coarse.first?.weight.shape[1] == channels }
}

/// The region proposal network's head, the same weights on every level.
public struct RPNHead: Sendable {
  /// 3x3 convolutions, each followed by ReLU: one in torchvision's v1 layout, two in v2.
  public var convolutions: [Convolution]
  /// 1x1, one channel per anchor of a cell.
  public var objectness: Convolution
  /// 1x1, four channels per anchor of a cell.
  public var deltas: Convolution

  /// Makes a head from its parts.
  public init(convolutions: [Convolution], objectness: Convolution, deltas: Convolution) {
    self.convolutions = convolutions
    self.objectness = objectness
    self.deltas = deltas
  }
}

/// The box head: features of one RoI to class logits and box deltas.
public struct BoxHead: Sendable {
  /// 3x3 convolutions, each with norm and ReLU: none in the v1 layout, four in v2.
  public var convolutions: [Convolution]
  /// Fully connected layers, each with ReLU: two in the v1 layout, one in v2.
  public var layers: [Linear]
  /// To one logit per class, background first.
  public var classLogits: Linear
  /// To four deltas per class.
  public var boxDeltas: Linear

  /// Makes a head from its parts.
  public init(
    convolutions: [Convolution], layers: [Linear], classLogits: Linear, boxDeltas: Linear
  ) {
    self.convolutions = convolutions
    self.layers = layers
    self.classLogits = classLogits
    self.boxDeltas = boxDeltas
  }
}

/// The mask head: features of one RoI to a mask of logits per class.
///
/// Fully connected layers (the paper's table 2e) are written as convolutions: the first covers the
/// RoI whole, `[C', C, Y, X]` without padding, the next are 1x1, and the transposed convolution has
/// a kernel of the masks' size, `[C', U, 2 Y, 2 X]`. Its ReLU and the 1x1 convolution behind it are
/// what the paper's own does not have.
public struct MaskHead: Sendable {
  /// 3x3 convolutions, each with ReLU, with norm in the v2 layout.
  public var convolutions: [Convolution]
  /// 2x2 transposed convolution of stride 2, then ReLU.
  public var upsampling: Convolution
  /// 1x1, one channel per class.
  public var logits: Convolution

  /// Makes a head from its parts.
  public init(convolutions: [Convolution], upsampling: Convolution, logits: Convolution) {
    self.convolutions = convolutions
    self.upsampling = upsampling
    self.logits = logits
  }
}

/// All parameters of a Mask R-CNN.
public struct MaskRCNNParameters: Sendable {
  /// Trunk and feature pyramid.
  public var backbone: Backbone
  /// Region proposal network.
  public var rpnHead: RPNHead
  /// Box head.
  public var boxHead: BoxHead
  /// Mask head.
  public var maskHead: MaskHead

  /// Makes a tree from its parts.
  public init(backbone: Backbone, rpnHead: RPNHead, boxHead: BoxHead, maskHead: MaskHead) {
    self.backbone = backbone
    self.rpnHead = rpnHead
    self.boxHead = boxHead
    self.maskHead = maskHead
  }

  /// The rows and columns of bins of the RoIs that the box head reads, 7 in torchvision's models:
  /// its first fully connected layer has an input for every channel and bin.
  public var boxBins: Int {
    let channels = boxHead.convolutions.last?.weight.shape[0] ?? backbone.channels
    let bins = (boxHead.layers.first?.weight.shape[1] ?? 0) / max(channels, 1)
    return Int(Double(bins).squareRoot())
  }
}
