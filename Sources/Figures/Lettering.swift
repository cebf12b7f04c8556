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
    var width = 0
    for character in line {
      width += Font.plain.glyph(character).width + Font.spacing + (bold ? 1 : 0)
    }
    return max(width - Font.spacing, 0) * scale
  }

  /// Breaks text into lines no wider than given, at spaces where it can and within a word where it
  /// must; line ends in the text stay.
  public func wrap(_ text: String, width limit: Int) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        let longer = line.isEmpty ? String(word) : line + " " + word
        if width(of: longer) <= limit {
          line = longer
          continue
        }
        if !line.isEmpty { lines.append(line) }
        line = String(word)
        while width(of: line) > limit, line.count > 1 {
          var head = ""
          for character in line {
            guard head.isEmpty || width(of: head + String(character)) <= limit else { break }
            head.append(character)
          }
          lines.append(head)
          line.removeFirst(head.count)
        }
      }
      lines.append(line)
    }
    return lines
  }

  /// The text, shortened with an ellipsis if it is wider than given.
  public func shortened(_ text: String, width limit: Int) -> String {
    guard width(of: text) > limit else { return text }
    var head = text
    while !head.isEmpty, width(of: head + "…") > limit { head.removeLast() }
    return head + "…"
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
      pen += style.scale * advance(character, style)
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
      pen += style.scale * advance(character, style)
    }
  }

  private func start(_ x: Int, _ width: Int, _ align: Alignment) -> Int {
    switch align {
    case .left: x
    case .centre: x - width / 2
    case .right: x - width
    }
  }

  private func advance(_ character: Character, _ style: Lettering) -> Int {
    Font.plain.glyph(character).width + Font.spacing + (style.bold ? 1 : 0)
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
