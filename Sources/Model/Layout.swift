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
  /// Blocks in each of the four layers.
  public var blocks: [Int]
  /// Channels of the stem.
  public var stemChannels: Int
  /// Channels inside the blocks of each layer.
  public var widths: [Int]
  /// Channels that leave each layer: those of C2 … C5.
  public var outputs: [Int]
  /// Groups of the 3x3 convolutions in bottlenecks.
  public var groups: Int
  /// The pyramid's 1x1 convolutions.
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
  /// The 3x3 convolutions of the mask head.
  public var maskConvolutions: Row
  /// Channels of the mask head's transposed convolution.
  public var upsamplingChannels: Int
  /// Classes, background among them.
  public var classes: Int

  /// A small network of basic blocks: a ResNet and a pyramid with batch norm, one RPN convolution, a
  /// box head of one or more fully connected layers, a mask head with batch norm.
  ///
  /// - Parameters:
  ///   - blocks: of each of the four layers
  ///   - widths: channels of each of the four layers; the stem has the first
  ///   - pyramid: channels of the pyramid, the RPN's head and the mask head
  ///   - boxLayers: outputs of the box head's fully connected layers, one or two
  ///   - classes: background among them
  public static func small(
    blocks: [Int], widths: [Int], pyramid: Int, anchors: Int, boxLayers: [Int],
    maskConvolutions: Int, classes: Int
  ) -> Layout {
    let four = [Int](repeating: pyramid, count: 4)
    return Layout(
      isBottleneck: false, blocks: blocks, stemChannels: widths[0], widths: widths,
      outputs: widths, groups: 1, inner: Row(four, hasNorm: true), outer: Row(four, hasNorm: true),
      rpn: Row([pyramid], hasNorm: false), anchors: anchors,
      boxConvolutions: Row([], hasNorm: false), boxLayers: boxLayers, boxLayersAreNamed: true,
      maskConvolutions: Row([Int](repeating: pyramid, count: maskConvolutions), hasNorm: true),
      upsamplingChannels: pyramid, classes: classes)
  }

  /// RoIs reach the box head as 7 x 7 cells.
  static let pooledArea = 7 * 7

  /// Channels of the pyramid.
  var pyramidChannels: Int { inner.channels.first ?? 0 }

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
