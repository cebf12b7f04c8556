import Tensors

/// An image of a trace: a title, panels in rows, one legend, one caption.
///
///     let figure = Figure("Objectness on every level", caption: "Bright cells …", sharing: .share) {
///       for level in levels {
///         Heatmap(level.scores, level.name, cellSize: level.stride)
///       }
///     }
///     let file = figure.png()
public struct Figure: Sendable {
  /// The title: what is shown.
  public var title: String
  /// What to look at.
  public var caption: String
  /// The panels, row by row.
  public var panels: [any Panel]
  /// How many panels a row has; nil fills rows up to about 1,200 pixels.
  public var columns: Int?
  /// One colour scale and one colour bar for all heatmaps of the figure, at one size of an image
  /// pixel; nil leaves each heatmap its own.
  public var sharing: ColourScale?
  /// The units of the shared colour bar.
  public var units: String
  /// What the layers of all panels mean.
  public var legend: [LegendEntry]

  /// Makes a figure of the panels in a list that may hold `if` and `for`.
  public init(
    _ title: String, caption: String = "", columns: Int? = nil, sharing: ColourScale? = nil,
    units: String = "", legend: [LegendEntry] = [], @PanelList panels: () -> [any Panel]
  ) {
    self.title = title
    self.caption = caption
    self.panels = panels()
    self.columns = columns
    self.sharing = sharing
    self.units = units
    self.legend = legend
  }

  private static let margin = 24
  private static let gap = 32
  private static let widest = 1240

  /// The bytes of the figure as a PNG file.
  public func png() -> [UInt8] { PNG.encode(draw()) }

  /// Draws the figure.
  public func draw() -> Raster {
    let (drawn, bar) = drawPanels()
    let rows = arranged(drawn)
    let barRoom = bar.map { $0.width + Figure.gap } ?? 0
    let rowWidths = rows.map { row in
      row.map(\.width).reduce(0, +) + Figure.gap * max(row.count - 1, 0)
    }
    let needed = (rowWidths.max() ?? 0) + barRoom
    // Short of panels, a caption still wants lines that can be read.
    let textWidth = min(max(Lettering.text.width(of: caption), 1), 460)
    let titleWidth = min(Lettering.title.width(of: title), 700)
    let width = max(needed, textWidth, titleWidth)
    let titleLines = title.isEmpty ? [] : Lettering.title.wrap(title, width: width)
    let legendBlock = LegendBlock(legend, width: width)
    let captionWidth = min(width, 760)
    let captionLines = caption.isEmpty ? [] : Lettering.text.wrap(caption, width: captionWidth)
    let rowHeights = rows.map { $0.map(\.height).max() ?? 0 }

    var y = Figure.margin
    let titleTop = y
    y += titleLines.count * Lettering.title.leading + (titleLines.isEmpty ? 0 : 4)
    let legendTop = y
    if !legend.isEmpty { y += legendBlock.height + 4 }
    if y > Figure.margin { y += 8 }
    let panelsTop = y
    y += rowHeights.reduce(0, +) + Figure.gap * max(rows.count - 1, 0)
    let captionTop = y + (captionLines.isEmpty ? 0 : 18)
    let height =
      captionTop + captionLines.count * Lettering.text.leading + Figure.margin
      - (captionLines.isEmpty ? 0 : Lettering.text.leading - Font.height)

    var raster = Raster(width: width + 2 * Figure.margin, height: height)
    for (number, line) in titleLines.enumerated() {
      raster.write(
        line, x: Figure.margin, y: titleTop + number * Lettering.title.leading, .ink, .title)
    }
    legendBlock.draw(on: &raster, x: Figure.margin, y: legendTop)
    var top = panelsTop
    for (row, height) in zip(rows, rowHeights) {
      var x = Figure.margin
      for panel in row {
        raster.paste(panel, x: x, y: top)
        x += panel.width + Figure.gap
      }
      top += height + Figure.gap
    }
    bar?.draw(
      on: &raster, x: Figure.margin + needed - barRoom + Figure.gap,
      y: panelsTop + Lettering.strong.leading + 2)
    for (number, line) in captionLines.enumerated() {
      raster.write(
        line, x: Figure.margin, y: captionTop + number * Lettering.text.leading, .ink)
    }
    return raster
  }

  /// The panels as rasters, and the shared colour bar if there is one.
  private func drawPanels() -> ([Raster], ColourBar?) {
    guard let sharing else { return (panels.map { $0.draw() }, nil) }
    let maps = panels.flatMap { panel -> [Tensor] in
      switch panel {
      case let map as Heatmap: [map.values]
      case let view as ImageView: view.heat.map { [$0.values] } ?? []
      default: []
      }
    }
    guard !maps.isEmpty else { return (panels.map { $0.draw() }, nil) }
    let fitted = sharing.fitted(to: maps)
    // The finest map decides how large an image pixel is drawn, so that places can be compared
    // from panel to panel.
    let zoom = panels.compactMap { panel -> Float? in
      guard let map = panel as? Heatmap else { return nil }
      return map.zoom ?? map.pixelsPerCell / map.cellSize
    }.min()
    let drawn = panels.map { panel -> Raster in
      switch panel {
      case var map as Heatmap:
        map.scale = fitted
        map.showsBar = false
        map.zoom = map.zoom ?? zoom
        return map.draw()
      case var view as ImageView:
        view.heat?.scale = fitted
        view.showsBar = false
        return view.draw()
      default: return panel.draw()
      }
    }
    let tallest = drawn.map(\.height).max() ?? 0
    let bar = ColourBar(scale: fitted, units: units, height: min(max(tallest - 110, 120), 420))
    return (drawn, bar)
  }

  private func arranged(_ drawn: [Raster]) -> [[Raster]] {
    var rows: [[Raster]] = []
    var width = 0
    for panel in drawn {
      let full =
        columns.map { (rows.last?.count ?? 0) >= max($0, 1) }
        ?? (width + Figure.gap + panel.width > Figure.widest)
      if rows.isEmpty || full {
        rows.append([panel])
        width = panel.width
      } else {
        rows[rows.count - 1].append(panel)
        width += Figure.gap + panel.width
      }
    }
    return rows
  }
}

/// Collects the panels that a figure's closure lists.
@resultBuilder
public enum PanelList {
  /// One panel.
  public static func buildExpression(_ panel: any Panel) -> [any Panel] { [panel] }
  /// Panels made elsewhere.
  public static func buildExpression(_ panels: [any Panel]) -> [any Panel] { panels }
  /// One after the other.
  public static func buildBlock(_ parts: [any Panel]...) -> [any Panel] { parts.flatMap { $0 } }
  /// The panels of a `for`.
  public static func buildArray(_ parts: [[any Panel]]) -> [any Panel] { parts.flatMap { $0 } }
  /// The panels of an `if`, or none.
  public static func buildOptional(_ part: [any Panel]?) -> [any Panel] { part ?? [] }
  /// The panels of an `if`.
  public static func buildEither(first part: [any Panel]) -> [any Panel] { part }
  /// The panels of an `else`.
  public static func buildEither(second part: [any Panel]) -> [any Panel] { part }
}
