import Foundation

/// The sizes and weights in which figures are lettered.
public struct Lettering: Hashable, Sendable {
  /// Enlarged by this whole factor.
  public var scale: Int
  /// With double stems.
  public var bold: Bool

  /// Makes a style.
  public init(scale: Int = 1, bold: Bool = false) {
    self.scale = scale
    self.bold = bold
  }

  /// Axes, legends, captions.
  public static let text = Lettering()
  /// The title of a panel.
  public static let strong = Lettering(bold: true)
  /// The title of a figure.
  public static let title = Lettering(scale: 2)

  /// The height of one line from the top of its stems to the end of what hangs below.
  public var height: Int { Font.height * scale }
  /// The distance from one line of a paragraph to the next.
  public var leading: Int { (Font.height + 4) * scale }

  /// The width of a line in pixels.
  public func width(of line: String) -> Int {
    width(ofAdvances: line.reduce(0) { $0 + advance($1) })
  }

  /// The columns from the beginning of a character to that of the next one, not enlarged.
  func advance(_ character: Character) -> Int {
    Font.plain.glyph(character).width + Font.spacing + (bold ? 1 : 0)
  }

  /// The width of characters that take so many columns, the space behind the last one left out.
  private func width(ofAdvances columns: Int) -> Int { max(columns - Font.spacing, 0) * scale }

  /// The longest beginning of a text that is no wider than given; its width is looked at once per
  /// character, because names in files may be long.
  private func beginning(of text: Substring, width limit: Int, more columns: Int = 0) -> Substring {
    var columns = columns
    for index in text.indices {
      columns += advance(text[index])
      if width(ofAdvances: columns) > limit { return text[..<index] }
    }
    return text
  }

  /// Breaks text into lines no wider than given, at spaces where it can and within a word where it
  /// must; line ends in the text stay.
  public func wrap(_ text: String, width limit: Int) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        let longer = line.isEmpty ? word : Substring(line + " " + word)
        if beginning(of: longer, width: limit).endIndex == longer.endIndex {
          line = String(longer)
          continue
        }
        if !line.isEmpty { lines.append(line) }
        var rest = word
        while true {
          let head = beginning(of: rest, width: limit)
          guard head.endIndex < rest.endIndex, rest.index(after: rest.startIndex) < rest.endIndex
          else { break }
          // At least one character to a line.
          let end = max(head.endIndex, rest.index(after: rest.startIndex))
          lines.append(String(rest[..<end]))
          rest = rest[end...]
        }
        line = String(rest)
      }
      lines.append(line)
    }
    return lines
  }

  /// The text, shortened with an ellipsis if it is wider than given.
  public func shortened(_ text: String, width limit: Int) -> String {
    guard beginning(of: text[...], width: limit).endIndex < text.endIndex else { return text }
    return beginning(of: text[...], width: limit, more: advance("…")) + "…"
  }
}

extension Raster {
  /// Where a line of text lies with respect to its place.
  public enum Alignment: Sendable {
    /// The text begins there.
    case left
    /// The text has its middle there.
    case centre
    /// The text ends there.
    case right
  }

  /// Writes one line with the top of its stems at y.
  public mutating func write(
    _ line: String, x: Int, y: Int, _ colour: Colour = .ink, _ style: Lettering = .text,
    align: Alignment = .left
  ) {
    var pen = start(x, style.width(of: line), align)
    for character in line {
      draw(character, style) { column, row in
        (pen + column, y + row)
      } ink: {
        $0 = colour
      }
      pen += style.scale * style.advance(character)
    }
  }

  /// Writes one line that runs upward, the top of its stems at x; `align` is along the line.
  public mutating func writeUpward(
    _ line: String, x: Int, y: Int, _ colour: Colour = .ink, _ style: Lettering = .text,
    align: Alignment = .left
  ) {
    var pen = start(0, style.width(of: line), align)
    for character in line {
      draw(character, style) { column, row in
        (x + row, y - 1 - pen - column)
      } ink: {
        $0 = colour
      }
      pen += style.scale * style.advance(character)
    }
  }

  private func start(_ x: Int, _ width: Int, _ align: Alignment) -> Int {
    switch align {
    case .left: x
    case .centre: x - width / 2
    case .right: x - width
    }
  }

  private mutating func draw(
    _ character: Character, _ style: Lettering, place: (Int, Int) -> (Int, Int),
    ink: (inout Colour) -> Void
  ) {
    let glyph = Font.plain.glyph(character)
    let mask = GlyphMask(glyph, bold: style.bold, scale: style.scale)
    for (column, row) in mask.inked {
      let (x, y) = place(column, row)
      if x >= 0, y >= 0, x < width, y < height { ink(&self[x, y]) }
    }
  }
}

/// The inked pixels of a glyph at a size.
private struct GlyphMask {
  var inked: [(Int, Int)] = []

  init(_ glyph: Font.Glyph, bold: Bool, scale: Int) {
    let width = glyph.width + (bold ? 1 : 0)
    var cells = [[Bool]](
      repeating: [Bool](repeating: false, count: width), count: Font.height)
    for (row, columns) in glyph.rows.enumerated() {
      for column in columns {
        cells[row][column] = true
        if bold { cells[row][column + 1] = true }
      }
    }
    if scale == 2 { cells = GlyphMask.doubled(cells) }
    let repeats = scale == 2 ? 1 : scale
    for (row, line) in cells.enumerated() {
      for (column, ink) in line.enumerated() where ink {
        for dy in 0..<repeats {
          for dx in 0..<repeats { inked.append((column * repeats + dx, row * repeats + dy)) }
        }
      }
    }
  }

  /// Twice the size with smoothed steps: a corner pixel takes the colour that its two outer
  /// neighbours share (the rule known as Scale2x).
  private static func doubled(_ cells: [[Bool]]) -> [[Bool]] {
    let (height, width) = (cells.count, cells.first?.count ?? 0)
    func cell(_ row: Int, _ column: Int) -> Bool {
      row >= 0 && column >= 0 && row < height && column < width && cells[row][column]
    }
    var result = [[Bool]](
      repeating: [Bool](repeating: false, count: 2 * width), count: 2 * height)
    for row in 0..<height {
      for column in 0..<width {
        let here = cell(row, column)
        let (above, below) = (cell(row - 1, column), cell(row + 1, column))
        let (left, right) = (cell(row, column - 1), cell(row, column + 1))
        let smooth = above != below && left != right
        result[2 * row][2 * column] = smooth && left == above ? above : here
        result[2 * row][2 * column + 1] = smooth && above == right ? above : here
        result[2 * row + 1][2 * column] = smooth && left == below ? below : here
        result[2 * row + 1][2 * column + 1] = smooth && below == right ? below : here
      }
    }
    return result
  }
}
