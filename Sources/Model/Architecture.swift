import Tensors

/// The network that the shapes of a weight file's parameters describe.
public struct Architecture: Sendable, Equatable {
  /// The numbers by which such a network can be built.
  public let layout: Layout
  /// `ResNet-50`, `ResNeXt-50 32x4d`, `ResNet-18, width 32`
  public var trunkName: String
  /// Anchors per cell.
  public var anchorsPerCell: Int
  /// Classes, background among them.
  public var classCount: Int
  /// Number of parameters, statistics of norms not among them.
  public var parameterCount: Int
  /// How many of them scale and shift the trunk's norms. torchvision freezes these in the v1
  /// layout and does not count them: its 44,401,393 are `parameterCount - trunkNormCount`.
  public var trunkNormCount: Int
  /// The parts described, in the order of the network: `("feature pyramid", "256 channels, …")`.
  public var parts: [Part]

  /// One part of the network, described.
  public struct Part: Sendable, Equatable {
    /// `box head`
    public let name: String
    /// `2 fully connected layers of 1024, from 7x7 cells`
    public let description: String
  }

  /// Describes the network of a layout.
  public init(_ layout: Layout) {
    self.layout = layout
    trunkName = Architecture.trunkName(layout)
    anchorsPerCell = layout.anchors
    classCount = layout.classes
    let learned = layout.slots.filter { $0.kind.isLearned }
    parameterCount = learned.reduce(0) { $0 + $1.shape.count }
    trunkNormCount = learned.reduce(0) { sum, slot in
      let isNorm = slot.kind == .normScale || slot.kind == .normShift
      return isNorm && slot.name.hasPrefix(ParameterNames.body + ".") ? sum + slot.shape.count : sum
    }
    parts = Architecture.parts(layout)
  }

  private static func trunkName(_ layout: Layout) -> String {
    let depths: [[Int]: Int] =
      layout.isBottleneck
      ? [[3, 4, 6, 3]: 50, [3, 4, 23, 3]: 101, [3, 8, 36, 3]: 152]
      : [[2, 2, 2, 2]: 18, [3, 4, 6, 3]: 34]
    let blocks = layout.blocks.map(String.init).joined(separator: "-")
    // A trunk that ends before its last layer is still told by its first ones, if only one has
    // them.
    let candidates = depths.filter { $0.key.starts(with: layout.blocks) }.values
    let depth = candidates.count == 1 ? "\(candidates.first ?? 0)" : "(\(blocks) blocks)"
    var name: String
    if layout.groups > 1 {
      name = "ResNeXt-\(depth) \(layout.groups)x\(layout.widths[0] / layout.groups)d"
    } else if layout.isBottleneck, layout.widths[0] == 2 * layout.stemChannels {
      name = "Wide ResNet-\(depth)-2"
    } else {
      name = "ResNet-\(depth)"
    }
    if layout.stemChannels != 64 { name += ", width \(layout.stemChannels)" }
    return name
  }

  /// `C2 to C5 have 256, 512, 1024, 2048 channels`
  private static func outputs(_ layout: Layout) -> String {
    let outputs = layout.outputs.map(String.init).joined(separator: ", ")
    return layout.outputs.count == 1
      ? "C2 has \(outputs) channels"
      : "C2 to C\(layout.outputs.count + 1) have \(outputs) channels"
  }

  private static func pyramid(
    _ layout: Layout, behind: (Layout.Row) -> String
  ) -> String {
    let (levels, top) = (layout.levels, layout.blocks.count + 1)
    guard !layout.inner.channels.isEmpty else {
      return "none: C\(top), of stride \(1 << top), is the only level"
    }
    let coarse =
      layout.coarseInputs.map {
        "P\(top + 1) and P\(top + 2) by 3x3 convolutions of stride 2 on "
          + ($0 == layout.pyramidChannels ? "P\(top)" : "C\(top)")
      } ?? "P\(top + 1) is every second cell of P\(top)"
    return "P\(levels.lowerBound) to P\(levels.upperBound), \(layout.pyramidChannels) channels; "
      + "1x1 convolutions \(behind(layout.inner)), 3x3 convolutions \(behind(layout.outer)); "
      + coarse
  }

  private static func maskHead(
    _ layout: Layout, _ convolutions: (Layout.Row) -> String
  ) -> String {
    let upsampling = "transposed convolution to \(layout.upsamplingChannels) channels"
    guard let bins = layout.fullyConnectedMaskBins else {
      return "\(convolutions(layout.maskConvolutions)), 2x2 \(upsampling)"
    }
    let sizes = layout.maskConvolutions.channels.map(String.init).joined(separator: ", ")
    return "fully connected layers of \(sizes), from \(bins)x\(bins) cells, "
      + "\(2 * bins)x\(2 * bins) \(upsampling)"
  }

  private static func parts(_ layout: Layout) -> [Part] {
    func behind(_ row: Layout.Row) -> String {
      let parts = (row.hasBias ? ["bias"] : []) + (row.hasNorm ? ["batch norm"] : [])
      return parts.isEmpty ? "without bias" : "with " + parts.joined(separator: " and ")
    }
    func convolutions(_ row: Layout.Row) -> String {
      let channels = Set(row.channels).sorted().map(String.init).joined(separator: "/")
      let word = row.channels.count == 1 ? "convolution" : "convolutions"
      return "\(row.channels.count) 3x3 \(word) of \(channels) channels \(behind(row))"
    }
    let kind = layout.isBottleneck ? "bottleneck" : "basic"
    let sizes = layout.boxLayers.map(String.init).joined(separator: ", ")
    let layers = layout.boxLayers.count == 1 ? "layer" : "layers"
    let cells = "\(layout.boxBins)x\(layout.boxBins) cells"
    let linear = "\(layout.boxLayers.count) fully connected \(layers) of \(sizes), from \(cells)"
    let hasBoxRow = !layout.boxConvolutions.channels.isEmpty
    return [
      Part(
        name: "trunk",
        description: "\(trunkName(layout)): \(layout.blocks.reduce(0, +)) \(kind) blocks, "
          + outputs(layout)),
      Part(name: "feature pyramid", description: pyramid(layout, behind: behind)),
      Part(
        name: "RPN head",
        description: "\(convolutions(layout.rpn)), \(layout.anchors) anchors per cell"),
      Part(
        name: "box head",
        description: (hasBoxRow ? convolutions(layout.boxConvolutions) + ", " : "") + linear),
      Part(
        name: "mask head",
        description: maskHead(layout, convolutions)),
      Part(
        name: "torchvision's layout",
        description: [
          ("pyramid", layout.inner.hasNorm), ("RPN", layout.rpn.channels.count > 1),
          ("box head", hasBoxRow), ("mask head", layout.maskConvolutions.hasNorm),
        ].map { "\($0) v\($1 ? 2 : 1)" }.joined(separator: ", ")),
    ]
  }
}
