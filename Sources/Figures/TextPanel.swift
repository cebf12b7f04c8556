/// Sentences beside the images.
public struct TextPanel: Panel {
  /// What the text is about.
  public var title: String
  /// Paragraphs; an empty one leaves a gap.
  public var lines: [String]
  /// The width at which text wraps, in pixels.
  public var width: Int

  /// Makes a panel of text.
  public init(_ title: String = "", lines: [String], width: Int = 360) {
    self.title = title
    self.lines = lines
    self.width = width
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    let heading = title.isEmpty ? [] : Lettering.strong.wrap(title, width: width)
    let body = lines.flatMap { Lettering.text.wrap($0, width: width) }
    let widest = max(
      heading.map { Lettering.strong.width(of: $0) }.max() ?? 0,
      body.map { Lettering.text.width(of: $0) }.max() ?? 0, 1)
    let top = heading.isEmpty ? 0 : heading.count * Lettering.strong.leading + 2
    var raster = Raster(width: widest, height: max(top + body.count * Lettering.text.leading, 1))
    for (number, line) in heading.enumerated() {
      raster.write(line, x: 0, y: number * Lettering.strong.leading, .ink, .strong)
    }
    for (number, line) in body.enumerated() {
      raster.write(line, x: 0, y: top + number * Lettering.text.leading, .ink)
    }
    return raster
  }
}

/// A table: the first column is read, the others are compared, so they are set to the right.
public struct TablePanel: Panel {
  /// What the table is about.
  public var title: String
  /// The names of the columns.
  public var header: [String]
  /// The rows, each with one text per column.
  public var rows: [[String]]
  /// A colour key before each row; missing ones are left out.
  public var keys: [Colour]

  /// Makes a table.
  public init(_ title: String, header: [String], rows: [[String]], keys: [Colour] = []) {
    self.title = title
    self.header = header
    self.rows = rows
    self.keys = keys
  }

  /// Draws the panel on white.
  public func draw() -> Raster {
    let style = Lettering.text
    let columns = max(header.count, rows.map(\.count).max() ?? 0)
    func text(_ row: [String], _ column: Int) -> String { column < row.count ? row[column] : "" }
    let widths = (0..<columns).map { column in
      ([style.width(of: text(header, column))] + rows.map { style.width(of: text($0, column)) })
        .max() ?? 0
    }
    let left = keys.isEmpty ? 0 : 20
    let gap = 18
    let table = left + widths.reduce(0, +) + gap * max(columns - 1, 0)
    let width = max(table, 160)
    let heading = title.isEmpty ? [] : Lettering.strong.wrap(title, width: width)
    let top = heading.isEmpty ? 0 : heading.count * Lettering.strong.leading + 4
    let pitch = style.leading + 2
    var raster = Raster(width: width, height: top + (rows.count + 1) * pitch + 6)
    for (number, line) in heading.enumerated() {
      raster.write(line, x: 0, y: number * Lettering.strong.leading, .ink, .strong)
    }
    func write(_ row: [String], y: Int, _ colour: Colour) {
      var x = left
      for column in 0..<columns {
        if column == 0 {
          raster.write(text(row, 0), x: x, y: y, colour)
        } else {
          raster.write(text(row, column), x: x + widths[column], y: y, colour, align: .right)
        }
        x += widths[column] + gap
      }
    }
    write(header, y: top, .grey)
    raster.fill(x: 0, y: top + pitch - 1, width: table, height: 1, .faint)
    for (number, row) in rows.enumerated() {
      let y = top + (number + 1) * pitch + 4
      if number < keys.count { raster.fill(x: 0, y: y, width: 12, height: 12, keys[number]) }
      write(row, y: y, .ink)
    }
    return raster
  }
}
