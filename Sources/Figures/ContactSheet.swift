import Tensors

/// Many small maps side by side under one scale with one colour bar: channels, RoIs, masks.
///
///     ContactSheet(features, "P3, all channels", cellSize: 8, scale: .diverging)
public struct ContactSheet: Panel {
  /// The maps, each `[H, W]`.
  public var maps: [Tensor]
  /// The title: what is shown.
  public var title: String
  /// The text above each map; missing ones are empty.
  public var names: [String]
  /// Which colour shows which value, in all maps alike.
  public var scale: ColourScale
  /// The units of the values.
  public var units: String
  /// Maps in a row; nil decides by their number.
  public var columns: Int?
  /// The longer side of one drawn map in pixels; nil decides by their number.
  public var tileSide: Int?
  /// Words below.
  public var note: String

  /// Makes a sheet of the planes of `[C, H, W]`, named by number unless names are given.
  public init(
    _ planes: Tensor, _ title: String, names: [String]? = nil, scale: ColourScale = .sequential,
    units: String = "", columns: Int? = nil, tileSide: Int? = nil, note: String = ""
  ) {
    precondition(planes.shape.rank == 3, "a contact sheet shows [C, H, W], not \(planes.shape)")
    self.init(
      maps: (0..<planes.shape[0]).map(planes.slice), title,
      names: names ?? (0..<planes.shape[0]).map(String.init), scale: scale, units: units,
      columns: columns, tileSide: tileSide, note: note)
  }

  /// Makes a sheet of maps that may differ in size.
  public init(
    maps: [Tensor], _ title: String, names: [String], scale: ColourScale = .sequential,
    units: String = "", columns: Int? = nil, tileSide: Int? = nil, note: String = ""
  ) {
    self.maps = maps.filter { $0.count > 0 }
    self.title = title
    self.names = names
    self.scale = scale
    self.units = units
    self.columns = columns
    self.tileSide = tileSide
    self.note = note
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    guard !maps.isEmpty else { return TextPanel(title, lines: ["nothing to show"]).draw() }
    let fitted = scale.fitted(to: maps)
    let perRow = columns ?? min(maps.count, maps.count <= 4 ? maps.count : maps.count <= 24 ? 6 : 8)
    let side = tileSide ?? (perRow <= 4 ? 160 : perRow <= 6 ? 112 : 84)
    let style = Lettering.text
    let named = names.contains { !$0.isEmpty }
    let head = named ? style.height + 2 : 0
    let tiles = maps.map { map in
      let longest = max(map.shape[0], map.shape[1])
      // Whole pixels per cell where cells are enlarged, so that they are equal.
      let factor = longest <= side ? Float(side / longest) : Float(side) / Float(longest)
      return Cells(map).drawn(
        width: max(1, Int((Float(map.shape[1]) * factor).rounded())),
        height: max(1, Int((Float(map.shape[0]) * factor).rounded())), fitted)
    }
    let cellWidth = (tiles.map(\.width).max() ?? side) + 10
    let cellHeight = (tiles.map(\.height).max() ?? side) + head + 10
    let rows = (maps.count + perRow - 1) / perRow
    let plotHeight = rows * cellHeight - 10
    let bar = ColourBar(scale: fitted, units: units, height: min(max(plotHeight - head, 96), 420))
    let width = perRow * cellWidth - 10 + Spacing.barGap + bar.width
    let titleLines = title.isEmpty ? [] : Lettering.strong.wrap(title, width: width)
    let top = titleLines.count * Lettering.strong.leading + 4
    let notes = ([summary] + (note.isEmpty ? [] : [note])).flatMap { style.wrap($0, width: width) }
    let notesTop = top + max(plotHeight, head + bar.height) + 8
    var raster = Raster(width: width, height: notesTop + notes.count * style.leading)
    for (number, line) in titleLines.enumerated() {
      raster.write(line, x: 0, y: number * Lettering.strong.leading, .ink, .strong)
    }
    for (number, tile) in tiles.enumerated() {
      let x = number % perRow * cellWidth
      let y = top + number / perRow * cellHeight
      if number < names.count {
        raster.write(style.shortened(names[number], width: cellWidth - 6), x: x, y: y, .grey)
      }
      raster.fill(
        x: x - 1, y: y + head - 1, width: tile.width + 2, height: tile.height + 2, .faint)
      raster.paste(tile, x: x, y: y + head)
    }
    bar.draw(on: &raster, x: perRow * cellWidth - 10 + Spacing.barGap, y: top + head)
    for (number, line) in notes.enumerated() {
      raster.write(line, x: 0, y: notesTop + number * style.leading, .grey)
    }
    return raster
  }

  private var summary: String {
    let sizes = maps.map { "\($0.shape[1]) × \($0.shape[0])" }
    let alike = sizes.allSatisfy { $0 == sizes.first }
    return
      "\(maps.count) maps of \(alike ? sizes.first ?? "" : "different") cells, one scale for all"
  }
}
