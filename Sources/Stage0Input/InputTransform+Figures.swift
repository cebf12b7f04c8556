import Figures
import Tensors

/// What stage 0 draws from.
struct InputDrawing: Sendable {
  /// As decoded, `[3, H0, W0]`.
  var image: Tensor
  /// Normalised and resized, `[3, H, W]`.
  var resized: Tensor
  /// The network's input, `[1, 3, Hp, Wp]`.
  var padded: Tensor
  var mean: [Float]
  var standardDeviation: [Float]
  var channelOrder = ChannelOrder.rgb

  var figures: [StageFigure] {
    [
      StageFigure(
        "input",
        lookFor: "the same place in the two details: enlarging invents nothing, it blends "
          + "neighbouring pixels."
          + (hasPadding
            ? " The padding has the mean colour, because 0 is the mean once the image is "
              + "normalised." : "")
      ) { sizesFigure },
      StageFigure(
        "channels",
        lookFor: "white, where a pixel has the mean brightness that the weights were trained with; "
          + "red is brighter, blue darker. A grey image has three maps that "
          + "differ only by the channels' means and deviations."
      ) { channelsFigure },
    ]
  }

  /// The image as decoded, resized and padded, with a detail of the first two.
  var sizesFigure: Figure {
    func seen(_ normalised: Tensor) -> Raster {
      Raster(
        channelOrder.exchanged(
          denormalised(normalised, mean: mean, standardDeviation: standardDeviation)))
    }
    let (original, enlarged) = (Raster(image), seen(resized))
    let whole = hasPadding ? seen(padded.slice(0)) : enlarged
    let detail = detailRegion
    let scaleX = Float(enlarged.width) / Float(original.width)
    let scaleY = Float(enlarged.height) / Float(original.height)
    return Figure(
      "From the image to the network's input",
      caption: "The image is normalised, resized bilinearly and padded with zeros on the right "
        + "and below, until both sides are multiples of 32. What is "
        + "resized or padded was brought back from normalised values to colours for this figure.",
      columns: 3,
      legend: hasPadding
        ? [LegendEntry("edge of the image", .yellow, .line), LegendEntry("padding", .orange)]
        : []
    ) {
      view(original, "As decoded", of: "image", layers: [.box(detail, Stroke(.red))])
      view(enlarged, "Resized", layers: [.box(detail.scaled(x: scaleX, y: scaleY), Stroke(.red))])
      view(whole, hasPadding ? "Padded" : "Padded (nothing to add)", layers: paddingLayers)
      view(original, "The red square as decoded", of: "image", region: detail)
      view(enlarged, "The red square, resized", region: detail.scaled(x: scaleX, y: scaleY))
      numbers
    }
  }

  /// Red, green and blue of the network's input on one scale.
  var channelsFigure: Figure {
    let input = padded.slice(0)  // [3, Hp, Wp]
    let zoom = 290 / Float(max(input.shape[1], input.shape[2]))
    return Figure(
      "What the network reads: three normalised channels",
      caption:
        "Each channel is (colour − mean) / standard deviation, by the numbers over each panel. "
        + "The weights are taken to expect "
        + "\(channelOrder.names.joined(separator: ", ")). Axes in pixels of the network's input.",
      columns: 3, sharing: .diverging, units: "standard deviations",
      legend: hasPadding ? [LegendEntry("edge of the image", .ink, .line)] : []
    ) {
      for (index, name) in channelOrder.names.enumerated() {
        channel(
          input.slice(index),
          "\(name.capitalized): mean \(Numerals.short(mean[index])), "
            + "deviation \(Numerals.short(standardDeviation[index]))", zoom: zoom)
      }
    }
  }

  private var hasPadding: Bool {
    padded.shape[2] > resized.shape[1] || padded.shape[3] > resized.shape[2]
  }

  private var frame: Box { Box(0, 0, Float(resized.shape[2]), Float(resized.shape[1])) }

  private var paddingLayers: [Layer] {
    guard hasPadding else { return [] }
    let (width, height) = (Float(padded.shape[3]), Float(padded.shape[2]))
    return [
      .shade(Box(frame.x2, 0, width, height), .orange),
      .shade(Box(0, frame.y2, frame.x2, height), .orange), .box(frame, Stroke(.yellow)),
    ]
  }

  /// A sixteenth of the image's shorter side around its centre, at least 16 pixels.
  private var detailRegion: Box {
    let (width, height) = (Float(image.shape[2]), Float(image.shape[1]))
    let half = max(min(width, height) / 16, 8).rounded()
    let (x, y) = ((width / 2).rounded(), (height / 2).rounded())
    return Box(x - half, y - half, x + half, y + half).clipped(width: width, height: height)
  }

  private func view(
    _ image: Raster, _ title: String, of pixels: String = "input", layers: [Layer] = [],
    region: Box? = nil
  ) -> ImageView {
    let size = region == nil ? ", \(image.width) × \(image.height) pixels" : ""
    var view = ImageView(image, title + size, layers: layers, region: region)
    view.axisUnit = "\(pixels) pixels"
    view.longestSide = region == nil ? 320 : 384
    return view
  }

  private func channel(_ values: Tensor, _ title: String, zoom: Float) -> Heatmap {
    var map = Heatmap(values, title, layers: hasPadding ? [.box(frame, Stroke(.ink))] : [])
    map.zoom = zoom
    map.axisUnit = "input pixels"
    map.showsSummary = false
    let range = values.statistics
    map.note =
      "Least \(Numerals.short(range.minimum)), mean \(Numerals.short(range.mean)), "
      + "greatest \(Numerals.short(range.maximum))"
    return map
  }

  private var numbers: TablePanel {
    func size(_ tensor: Tensor, _ axis: Int) -> [String] {
      ["\(tensor.shape[axis + 1])", "\(tensor.shape[axis])"]
    }
    let factor = Numerals.short(Float(resized.shape[2]) / Float(image.shape[2]))
    return TablePanel(
      "Sizes in pixels", header: ["", "width", "height", "factor"],
      rows: [
        ["as decoded"] + size(image, 1) + ["1"], ["resized"] + size(resized, 1) + [factor],
        ["padded"] + size(padded, 2) + [factor],
      ])
  }
}
