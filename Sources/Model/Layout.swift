import Tensors

/// Everything about a network that follows from the shapes of its parameters: enough to build the
/// tree of all parameters that such a network has.
///
/// Each part is looked at by itself, so a network may have the feature pyramid of torchvision's
/// second version and the box head of its first.
public struct Layout: Sendable, Equatable {
  /// A row of convolutions.
  public struct Row: Sendable, Equatable {
    /// Output channels of each convolution.
    public var channels: [Int]
    /// Whether the convolutions have a bias.
    public var hasBias: Bool
    /// Whether batch norm follows each.
    public var hasNorm: Bool

    /// A row as torchvision makes it: a norm takes the place of the bias.
    public init(_ channels: [Int], hasNorm: Bool) {
      self.init(channels: channels, hasBias: !hasNorm, hasNorm: hasNorm)
    }

    init(channels: [Int], hasBias: Bool, hasNorm: Bool) {
      (self.channels, self.hasBias, self.hasNorm) = (channels, hasBias, hasNorm)
    }
  }

  /// Whether the blocks are bottlenecks (three convolutions) or basic (two).
  public var isBottleneck: Bool
  /// Blocks in each layer: of four layers, or of as many as the coarsest level needs.
  public var blocks: [Int]
  /// Channels of the stem.
  public var stemChannels: Int
  /// Channels inside the blocks of each layer.
  public var widths: [Int]
  /// Channels that leave each layer: those of C2, C3, ….
  public var outputs: [Int]
  /// Groups of the 3x3 convolutions in bottlenecks.
  public var groups: Int
  /// The pyramid's 1x1 convolutions, on the trunk's last levels; none where the trunk's last level
  /// is read as it is, without a pyramid.
  public var inner: Row
  /// The pyramid's 3x3 convolutions.
  public var outer: Row
  /// The 3x3 convolutions of the RPN's head.
  public var rpn: Row
  /// Anchors per cell.
  public var anchors: Int
  /// The 3x3 convolutions of the box head.
  public var boxConvolutions: Row
  /// Outputs of the box head's fully connected layers.
  public var boxLayers: [Int]
  /// Whether those are called `fc6`, `fc7` and not by number.
  public var boxLayersAreNamed: Bool
  /// The convolutions of the mask head.
  public var maskConvolutions: Row
  /// Channels of the mask head's transposed convolution.
  public var upsamplingChannels: Int
  /// Classes, background among them.
  public var classes: Int

  /// The channels that enter the first of the two convolutions of stride 2 that make the coarsest
  /// levels of a pyramid, torchvision's `LastLevelP6P7`; nil where there are none.
  public var coarseInputs: Int?
  /// RoIs reach the box head as so many rows and columns of cells.
  public var boxBins = 7
  /// Rows and columns of the RoIs that a fully connected mask head reads; nil where its convolutions
  /// are 3x3. See `MaskHead`.
  public var fullyConnectedMaskBins: Int?

  /// A small network of basic blocks: a ResNet, with or without a pyramid, with batch norm, one RPN
  /// convolution, a box head of one or more fully connected layers, a mask head with batch norm.
  ///
  /// - Parameters:
  ///   - blocks: of each of the layers, four with a pyramid
  ///   - widths: channels of each of the layers; the stem has the first
  ///   - pyramid: channels of the pyramid and the RPN's head; nil for the last layer read as it is, of
  ///     stride 16 with three layers, 32 with four
  ///   - boxLayers: outputs of the box head's fully connected layers, one or two
  ///   - maskConvolutions: channels of the mask head's convolutions, at least one
  ///   - fullyConnectedMaskBins: rows and columns of the RoIs that a fully connected mask head reads;
  ///     nil for 3x3 convolutions
  ///   - classes: background among them
  public static func small(
    blocks: [Int], widths: [Int], pyramid: Int?, anchors: Int, boxLayers: [Int],
    maskConvolutions: [Int], fullyConnectedMaskBins: Int? = nil, classes: Int
  ) -> Layout {
    let channels = pyramid ?? widths[widths.count - 1]
    let levels = Row([Int](repeating: channels, count: pyramid == nil ? 0 : 4), hasNorm: true)
    // Behind fully connected layers, the transposed convolution makes the masks themselves.
    let upsampling =
      fullyConnectedMaskBins == nil ? maskConvolutions[maskConvolutions.count - 1] : classes
    return Layout(
      isBottleneck: false, blocks: blocks, stemChannels: widths[0], widths: widths,
      outputs: widths, groups: 1, inner: levels, outer: levels,
      rpn: Row([channels], hasNorm: false), anchors: anchors,
      boxConvolutions: Row([], hasNorm: false), boxLayers: boxLayers, boxLayersAreNamed: true,
      maskConvolutions: Row(maskConvolutions, hasNorm: true),
      upsamplingChannels: upsampling, classes: classes,
      fullyConnectedMaskBins: fullyConnectedMaskBins)
  }

  /// Channels of the levels.
  var pyramidChannels: Int { inner.channels.first ?? outputs.last ?? 0 }

  /// The numbers of the levels, 2 for P2: that of the trunk's coarsest level is the number of
  /// layers and 1. Above it, a pyramid has one level more, or two made by convolutions.
  public var levels: ClosedRange<Int> {
    let top = blocks.count + 1
    return roiLevels.lowerBound...top + (inner.channels.isEmpty ? 0 : coarseInputs == nil ? 1 : 2)
  }

  /// The numbers of the levels that RoIs are read from unless a setting says otherwise: those that
  /// the trunk has too.
  public var roiLevels: ClosedRange<Int> {
    let top = blocks.count + 1
    return top + 1 - max(inner.channels.count, 1)...top
  }

  /// Whether block `block` of layer `layer` has a convolution in its shortcut.
  func hasShortcut(layer: Int, block: Int) -> Bool {
    block == 0 && (layer > 0 || stemChannels != outputs[0])
  }

  /// Channels that enter a block.
  func inputs(layer: Int, block: Int) -> Int {
    if block > 0 { return outputs[layer] }
    return layer > 0 ? outputs[layer - 1] : stemChannels
  }
}

// What shapes alone do not tell, and those of torchvision's own networks suggest.
extension Layout {
  /// Whether torchvision's COCO weights for ResNet-50 in the v1 layout have this layout.
  var isTorchvisionForCOCO: Bool {
    let isFirstLayout =
      !inner.hasNorm && !outer.hasNorm && boxLayersAreNamed && rpn.channels.count == 1
      && !maskConvolutions.hasNorm
    let isResNet50 =
      isBottleneck && blocks == [3, 4, 6, 3] && groups == 1 && stemChannels == 64
      && widths[0] == 64
    return isFirstLayout && isResNet50 && classes == 91
  }

  /// The epsilon of the batch norms where nothing says it: torchvision's COCO weights of the v1 layout
  /// were trained with 0, PyTorch's default is 1e-5.
  ///
  /// - Parameter isFrozen: whether the trunk's batch norms are
  func assumedNormEpsilon(isFrozen: Bool) -> Float {
    isFrozen && isTorchvisionForCOCO ? 0 : 1e-5
  }
}
