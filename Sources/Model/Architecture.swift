/// What the shapes of a weight file's parameters say of the network.
public struct Architecture: Sendable, Equatable {
  /// `ResNet-50`, `ResNeXt-50 32x4d`, `ResNet-18 (width 32)`
  public var trunkName: String
  /// Residual blocks in each of the four layers.
  public var blocksPerLayer: [Int]
  /// Whether the blocks are bottlenecks (three convolutions) or basic (two).
  public var isBottleneck: Bool
  /// Groups of the 3x3 convolutions.
  public var groups: Int
  /// Channels of the stem.
  public var stemChannels: Int
  /// Channels of the feature pyramid.
  public var pyramidChannels: Int
  /// Anchors per cell.
  public var anchorsPerCell: Int
  /// Classes, background among them.
  public var classCount: Int
  /// Number of parameters, statistics of norms not among them.
  public var parameterCount: Int
}
