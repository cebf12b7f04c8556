import Figures
import Stage0Input
import Tensors

/// What stage 1 draws from: its maps by name.
struct BackboneDrawing: Sendable {
  /// `stem`, `pooled`, C2 … C5.
  var trunk: [FeatureMap]
  /// P2 … P6.
  var pyramid: [FeatureMap]

  var figures: [StageFigure] {
    [
      StageFigure(
        "trunk",
        lookFor: "outlines on C2, filled objects further up. On the coarse levels the mean blurs "
          + "what single channels tell apart (see their own figures): each layer halves the grid "
          + "and enlarges the receptive field of a cell."
      ) { trunkFigure },
      StageFigure(
        "pyramid",
        lookFor: "the same objects on several levels. The finest keeps their outlines, "
          + "a coarse one only shows roughly where something is; every level includes all coarser "
          + "ones."
      ) { pyramidFigure },
    ] + trunk.map(image) + pyramid.map(image)
  }

  /// Whether the levels are a pyramid's, and not the trunk's last level alone as it is.
  private var hasPyramid: Bool {
    pyramid.count != 1 || trunk.last?.name != "C\(pyramid[0].name.dropFirst())"
  }

  /// The mean of C2 … C5 side by side, each on its own scale.
  var trunkFigure: Figure {
    let layers = trunk.filter { $0.name.hasPrefix("C") }
    return Figure(
      "The trunk: mean activation of \(layers.range)",
      caption: "Mean over all channels of each layer's output, never negative after the ReLU. "
        + "Each map has its own colour bar, because layers differ in how strongly they answer. "
        + "Axes in pixels of the network's input.",
      columns: 2
    ) {
      for map in layers {
        heatmap(
          map, "\(map.name): \(map.channels) channels, stride \(Numerals.short(map.stride))",
          side: 320)
      }
    }
  }

  /// The mean of P2 … P6 side by side on one scale.
  var pyramidFigure: Figure {
    Figure(
      hasPyramid
        ? "The feature pyramid: mean activation of \(pyramid[0].name) to "
          + "\(pyramid[pyramid.count - 1].name)"
        : "The only level, \(pyramid[0].name): mean activation",
      caption: "Mean over all channels, on one scale for all levels: red is above 0, blue below. "
        + (pyramid.count > 1
          ? "\(pyramid[pyramid.count - 1].name) is \(coarsest) and serves the proposals alone."
          : ""),
      columns: 3, sharing: .diverging, units: "activation"
    ) {
      for map in pyramid {
        heatmap(
          map, "\(map.name): \(map.channels) channels, stride \(Numerals.short(map.stride))",
          side: 280)
      }
    }
  }

  /// One map alone: its mean over channels, and the channels that vary most.
  func image(_ map: FeatureMap) -> StageFigure {
    StageFigure(map.name, lookFor: lookFor(map.name)) { figure(map) }
  }

  func figure(_ map: FeatureMap) -> Figure {
    let chosen = map.mostVaryingChannels(9)
    let channels = chosen.map(map.channel)
    let most = commonLimit(channels)
    let scale: ColourScale = map.isSigned ? .diverging(limit: most) : .sequential(0...most)
    return Figure(
      "\(map.name): \(describe(map.name))",
      caption: "Left the mean over all \(map.channels) channels, right the \(chosen.count) "
        + "channels that vary most over the image, on one scale whose ends "
        + "take in the \(map.isSigned ? "strongest" : "brightest") 0.2 %. \(words(map))",
      columns: 2
    ) {
      heatmap(map, "Mean over \(map.channels) channels", side: 420, units: "activation")
      ContactSheet(
        maps: channels, "Channels that vary most",
        names: chosen.map { "channel \($0)" }, scale: scale, units: "activation", columns: 3,
        tileSide: 136)
    }
  }

  /// The magnitude that 99.8 % of the values stay below: a few bright cells would leave the rest
  /// of a common scale without contrast.
  private func commonLimit(_ maps: [Tensor]) -> Float {
    let count = maps.reduce(0) { $0 + $1.count }
    let step = max(count / 20_000, 1)
    var magnitudes: [Float] = []
    for map in maps {
      for index in stride(from: 0, to: map.count, by: step) where map.values[index].isFinite {
        magnitudes.append(abs(map.values[index]))
      }
    }
    magnitudes.sort()
    let limit = magnitudes.isEmpty ? 1 : magnitudes[(magnitudes.count - 1) * 998 / 1000]
    return limit > 0 ? limit : 1
  }

  private func heatmap(
    _ map: FeatureMap, _ title: String, side: Float, units: String = ""
  ) -> Heatmap {
    let mean = map.mean
    var heatmap = Heatmap(
      mean, title, cellSize: map.stride, scale: map.isSigned ? .diverging : .sequential,
      units: units)
    heatmap.zoom = side / (Float(max(mean.shape[0], mean.shape[1])) * map.stride)
    heatmap.axisUnit = "input pixels"
    return heatmap
  }

  private func words(_ map: FeatureMap) -> String {
    map.isSigned
      ? "Values have both signs (no ReLU comes last): white is 0."
      : "No value is negative: a ReLU came last."
  }

  private func describe(_ name: String) -> String {
    switch name {
    case "stem": "the first convolution, 7 × 7 with stride 2"
    case "pooled": "the greatest of 3 × 3 neighbours, stride 2"
    case "C2", "C3", "C4", "C5":
      "output of layer \((name.last?.wholeNumberValue ?? 2) - 1) of the trunk"
    case pyramid.last?.name where pyramid.count > 1: coarsest
    default: hasPyramid ? "a level of the feature pyramid" : "the trunk's last level as it is"
    }
  }

  /// What the coarsest level of a pyramid is made of.
  private var coarsest: String {
    isPooled
      ? "every second cell of \(pyramid[pyramid.count - 2].name)"
      : "made by a convolution of stride 2"
  }

  /// Whether the coarsest level has every second cell of the next, as it does unless convolutions
  /// make the two coarsest.
  private var isPooled: Bool {
    guard pyramid.count > 1 else { return false }
    let (fine, coarse) = (pyramid[pyramid.count - 2].features, pyramid[pyramid.count - 1].features)
    return fine.values.first == coarse.values.first
  }

  private func lookFor(_ name: String) -> String {
    switch name {
    case "stem":
      "channels that answer to edges of one direction, to bright or to dark spots: the first "
        + "layer sees only 7 × 7 pixels."
    case "pooled": "the same answers on half the grid, a little fatter: a maximum spreads."
    case "C2", "C3":
      "channels that still draw outlines, and others that already fill whole objects."
    case "C4", "C5":
      "few, large cells: they know what is there, no longer exactly where. Which channel says what "
        + "is learned; a bright mean need not lie on an object."
    case pyramid.last?.name where pyramid.count > 1:
      "how coarse it is: it serves only the largest anchors."
    default:
      "channels that answer at objects' borders or in their middles; compare the other levels."
    }
  }
}
