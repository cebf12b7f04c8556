import Tensors

/// An image with things drawn over it: boxes, masks, points, or a heatmap at its true stride.
///
///     ImageView(image.pixels, "Proposals", layers: [.boxes(proposals)])
public struct ImageView: Panel {
  /// A heatmap that lies over the image.
  public struct Heat: Sendable {
    /// The numbers, `[H, W]`.
    public var values: Tensor
    /// The extent of one cell in pixels of the image that is shown.
    public var stride: Float
    /// Which colour shows which value.
    public var scale: ColourScale
    /// The units of the values.
    public var units: String
    /// How much the colours cover the image.
    public var opacity: Float

    /// Makes a heatmap that begins at the image's upper left corner.
    public init(
      _ values: Tensor, stride: Float, scale: ColourScale = .sequential, units: String = "",
      opacity: Float = 0.65
    ) {
      precondition(values.shape.rank == 2, "a heatmap shows [H, W], not \(values.shape)")
      self.values = values
      self.stride = stride
      self.scale = scale
      self.units = units
      self.opacity = opacity
    }
  }

  /// The image.
  public var image: Raster
  /// The title: what is shown.
  public var title: String
  /// How much of the image is taken back towards a light grey, from 0 to 1.
  public var dimmed: Float
  /// A heatmap over the image.
  public var heat: Heat?
  /// What is drawn over all, in pixels of the image that is shown.
  public var layers: [Layer]
  /// What the layers mean.
  public var legend: [LegendEntry]
  /// Words below the plot.
  public var note: String
  /// The part of the image that is shown, in pixels of the image that is shown; nil for all of it.
  public var region: Box?
  /// Whether there are axes.
  public var showsAxes = true
  /// What the axes count: pixels of the network's input, or of the image as decoded.
  public var axisUnit = "input pixels"
  /// Whether the heatmap has a colour bar.
  public var showsBar = true
  /// The longer side of the drawing: larger images are reduced to it, smaller ones enlarged by a
  /// whole factor that stays below it.
  public var longestSide = 640

  /// Makes a view of an image `[3, H, W]` from 0 to 1.
  public init(
    _ pixels: Tensor, _ title: String, dimmed: Float = 0, heat: Heat? = nil,
    layers: [Layer] = [], legend: [LegendEntry] = [], note: String = "", region: Box? = nil
  ) {
    self.init(
      Raster(pixels), title, dimmed: dimmed, heat: heat, layers: layers, legend: legend,
      note: note, region: region)
  }

  /// Makes a view of an image that several views show: converted from numbers once for all.
  public init(
    _ image: Raster, _ title: String, dimmed: Float = 0, heat: Heat? = nil,
    layers: [Layer] = [], legend: [LegendEntry] = [], note: String = "", region: Box? = nil
  ) {
    self.image = image
    self.title = title
    self.dimmed = dimmed
    self.heat = heat
    self.layers = layers
    self.legend = legend
    self.note = note
    self.region = region
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    let (width, height) = (image.width, image.height)
    let frame = (region ?? Box(0, 0, Float(width), Float(height)))
      .clipped(width: Float(width), height: Float(height))
    // Whole pixels, and at least one of them.
    let left = min(Int(frame.x1), width - 1)
    let top = min(Int(frame.y1), height - 1)
    let (right, bottom) = (Int(frame.x2.rounded(.up)), Int(frame.y2.rounded(.up)))
    let part = image.cropped(x: left, y: top, width: right - left, height: bottom - top)
    let bounds = Box(
      Float(left), Float(top), Float(left + part.width), Float(top + part.height))
    let longest = max(part.width, part.height)
    let factor =
      longest > longestSide ? Float(longestSide) / Float(longest) : Float(longestSide / longest)
    var raster = part.resized(
      width: max(1, Int((Float(part.width) * factor).rounded())),
      height: max(1, Int((Float(part.height) * factor).rounded())))
    if dimmed > 0 { raster.dim(dimmed) }
    let fitted = heat.map { $0.scale.fitted(to: [$0.values]) }
    let area = PlotArea(bounds: bounds, width: raster.width, height: raster.height)
    if let heat, let fitted { raster.cover(heat, fitted, area) }
    raster.draw(layers, in: area)
    var notes = note.isEmpty ? [] : [note]
    if factor < 1 {
      notes.append("Drawn at \(Int((factor * 100).rounded())) % of this size")
    }
    return MapLayout(
      title: title, plot: raster, bounds: bounds,
      axes: showsAxes ? ("x, \(axisUnit)", "y, \(axisUnit)") : nil,
      scale: showsBar ? fitted : nil, units: heat?.units ?? "", legend: legend, notes: notes
    ).draw()
  }
}

extension Raster {
  /// Takes colours back towards light grey, so that what is drawn over them stands out.
  mutating func dim(_ share: Float) {
    bytes.withUnsafeMutableBufferPointer { bytes in
      for index in stride(from: 0, to: bytes.count, by: 3) {
        let sum = Float(bytes[index]) * 0.3 + Float(bytes[index + 1]) * 0.59
        let grey = 110 + (sum + Float(bytes[index + 2]) * 0.11) * 0.5
        for part in index..<index + 3 {
          let old = Float(bytes[part])
          bytes[part] = UInt8(rounding: min(max(old + (grey - old) * share, 0), 255))
        }
      }
    }
  }

  /// Lays a heatmap over a plot, each cell at its place in the image; the image shows through.
  mutating func cover(_ heat: ImageView.Heat, _ scale: ColourScale, _ area: PlotArea) {
    let (rows, columns) = (heat.values.shape[0], heat.values.shape[1])
    let shown = (0..<width).map { x in
      Int(bounded: ((Float(x) + 0.5) / area.scaleX + area.bounds.x1) / heat.stride)
    }
    let (width, share) = (width, min(max(heat.opacity, 0), 1))
    var colours: [Colour] = []
    var previous: Int?
    for y in 0..<height {
      let row = Int(bounded: ((Float(y) + 0.5) / area.scaleY + area.bounds.y1) / heat.stride)
      guard row < rows else { continue }
      if row != previous {
        // A cell's colour is worked out once, not for each of its pixels.
        colours = heat.values.values[row * columns..<(row + 1) * columns].map(scale.colour)
        previous = row
      }
      bytes.withUnsafeMutableBufferPointer { bytes in
        for x in 0..<width where shown[x] < columns {
          Raster.blend(colours[shown[x]], share, into: bytes, at: 3 * (y * width + x))
        }
      }
    }
  }
}
