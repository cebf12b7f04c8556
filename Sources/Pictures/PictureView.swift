import Tensors

/// A picture with things drawn over it: boxes, masks, points, or a heatmap at its true stride.
///
///     PictureView(picture.pixels, "Proposals", layers: [.boxes(proposals)])
public struct PictureView: Panel {
  /// A heatmap that lies over the picture.
  public struct Heat: Sendable {
    /// The numbers, `[H, W]`.
    public var values: Tensor
    /// The extent of one cell in picture pixels.
    public var stride: Float
    /// Which colour shows which value.
    public var scale: ColourScale
    /// The units of the values.
    public var units: String
    /// How much the colours cover the picture.
    public var opacity: Float

    /// Makes a heatmap that begins at the picture's upper left corner.
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

  /// The picture, `[3, H, W]` from 0 to 1.
  public var pixels: Tensor
  /// What is shown, in words.
  public var title: String
  /// How much of the picture is taken back towards a light grey, from 0 to 1.
  public var dimmed: Float
  /// A heatmap over the picture.
  public var heat: Heat?
  /// What is drawn over all, in picture pixels.
  public var layers: [Layer]
  /// What the layers mean.
  public var legend: [LegendEntry]
  /// Words below the plot.
  public var note: String
  /// The part of the picture that is shown, in picture pixels; nil for all of it.
  public var region: Box?
  /// Whether there are axes.
  public var showsAxes = true
  /// Whether the heatmap has a colour bar.
  public var showsBar = true
  /// The longer side of the drawing: larger pictures are reduced to it, smaller ones enlarged by a
  /// whole factor that stays below it.
  public var longestSide = 640

  /// Makes a view of a picture `[3, H, W]`.
  public init(
    _ pixels: Tensor, _ title: String, dimmed: Float = 0, heat: Heat? = nil,
    layers: [Layer] = [], legend: [LegendEntry] = [], note: String = "", region: Box? = nil
  ) {
    precondition(pixels.shape.rank == 3 && pixels.shape[0] == 3, "\(pixels.shape) is not [3, H, W]")
    self.pixels = pixels
    self.title = title
    self.dimmed = dimmed
    self.heat = heat
    self.layers = layers
    self.legend = legend
    self.note = note
    self.region = region
  }

  /// Some columns and rows of the picture: a detail costs no more than its own pixels.
  private func cut(_ columns: Range<Int>, _ rows: Range<Int>) -> Raster {
    let (width, height) = (pixels.shape[2], pixels.shape[1])
    guard columns.count < width || rows.count < height else { return Raster(pixels) }
    var values: [Float] = []
    values.reserveCapacity(3 * columns.count * rows.count)
    for channel in 0..<3 {
      for row in rows {
        let first = (channel * height + row) * width
        values += pixels.values[first + columns.lowerBound..<first + columns.upperBound]
      }
    }
    return Raster(Tensor([3, rows.count, columns.count], values))
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    let (width, height) = (pixels.shape[2], pixels.shape[1])
    let frame = (region ?? Box(0, 0, Float(width), Float(height)))
      .clipped(width: Float(width), height: Float(height))
    // Whole pixels, and at least one of them.
    let left = min(Int(frame.x1), width - 1)
    let top = min(Int(frame.y1), height - 1)
    let part = cut(
      left..<max(Int(frame.x2.rounded(.up)), left + 1),
      top..<max(Int(frame.y2.rounded(.up)), top + 1))
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
      notes.append("Reduced to \(Int((factor * 100).rounded())) % of the picture's size")
    }
    return MapLayout(
      title: title, plot: raster, bounds: bounds,
      axes: showsAxes ? ("x, picture pixels", "y, picture pixels") : nil,
      scale: showsBar ? fitted : nil, units: heat?.units ?? "", legend: legend, notes: notes
    ).draw()
  }
}

extension Raster {
  /// Takes colours back towards light grey, so that what is drawn over them stands out.
  mutating func dim(_ share: Float) {
    for index in stride(from: 0, to: bytes.count, by: 3) {
      let sum = Float(bytes[index]) * 0.3 + Float(bytes[index + 1]) * 0.59
      let grey = 110 + (sum + Float(bytes[index + 2]) * 0.11) * 0.5
      for part in 0..<3 {
        let old = Float(bytes[index + part])
        bytes[index + part] = UInt8(min(max(old + (grey - old) * share, 0), 255).rounded())
      }
    }
  }

  /// Lays a heatmap over a plot, each cell at its place in the picture; the picture shows through.
  mutating func cover(_ heat: PictureView.Heat, _ scale: ColourScale, _ area: PlotArea) {
    let (rows, columns) = (heat.values.shape[0], heat.values.shape[1])
    for y in 0..<height {
      let row = Int(((Float(y) + 0.5) / area.scaleY + area.bounds.y1) / heat.stride)
      guard row < rows else { continue }
      for x in 0..<width {
        let column = Int(((Float(x) + 0.5) / area.scaleX + area.bounds.x1) / heat.stride)
        guard column < columns else { continue }
        let colour = scale.colour(heat.values.values[row * columns + column])
        blend(x: x, y: y, colour, heat.opacity)
      }
    }
  }
}
