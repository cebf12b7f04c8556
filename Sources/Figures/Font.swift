/// The lettering of all figures: a bitmap font drawn for this package.
///
/// A glyph is 13 rows high: letters with a stem begin in row 0, capitals in row 1, small letters in
/// row 3; the baseline runs below row 9 and three rows hang below it. Widths differ from glyph to
/// glyph, those of digits do not, so that numbers line up.
struct Font: Sendable {
  /// One character: its width and, row by row, its inked columns.
  struct Glyph: Sendable {
    var width: Int
    var rows: [[Int]]
  }

  static let height = 13
  static let baseline = 10
  /// The empty columns between two glyphs.
  static let spacing = 1

  static let plain = Font()

  private let glyphs: [Character: Glyph]

  /// The glyph of a character; a box where the font has none.
  func glyph(_ character: Character) -> Glyph {
    glyphs[character] ?? Font.unknown
  }

  /// Whether the font has a glyph of its own for a character.
  func has(_ character: Character) -> Bool { glyphs[character] != nil }

  private static let unknown = Glyph(
    width: 6,
    rows: (0..<height).map { row in
      switch row {
      case 1, 9: Array(0..<6)
      case 2...8: [0, 5]
      default: []
      }
    })

  private init() {
    var glyphs: [Character: Glyph] = [" ": Glyph(width: 3, rows: Array(repeating: [], count: 13))]
    for band in FontSheet.bands {
      for (number, character) in band.characters.enumerated() {
        var rows = [[Int]](repeating: [], count: Font.height)
        var width = 0
        for (row, line) in band.art.split(separator: "\n").enumerated() {
          let cells = line.split(separator: " ")
          guard number < cells.count, band.firstRow + row < Font.height else { continue }
          width = cells[number].utf8.count
          rows[band.firstRow + row] = cells[number].utf8.enumerated().compactMap {
            $0.element == UInt8(ascii: "#") ? $0.offset : nil
          }
        }
        glyphs[character] = Glyph(width: width, rows: rows)
      }
    }
    self.glyphs = glyphs
  }
}
