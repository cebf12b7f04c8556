import Foundation
import Tensors

/// A matrix of probabilities whose rows and columns have names, each cell coloured by its value and
/// with the value written in it: scores by class.
///
///     HeatTable(scores, "Class scores", rows: ["proposal 0"], columns: classNames, scale: .share)
public struct HeatTable: Panel {
  /// The probabilities, `[rows, columns]`.
  public var values: Tensor
  /// The title: what is shown.
  public var title: String
  /// A name per row.
  public var rows: [String]
  /// A name per column, which is wrapped to the column's width.
  public var columns: [String]
  /// Which colour shows which value.
  public var scale: ColourScale
  /// Cells that are framed, as (row, column).
  public var marked: [(row: Int, column: Int)]
  /// The width of a column in pixels.
  public var columnWidth: Int
  /// What is written in each cell in place of its value; nil for the value.
  public var texts: [[String]]?

  /// Makes a table of `[rows, columns]` values.
  public init(
    _ values: Tensor, _ title: String, rows: [String], columns: [String],
    scale: ColourScale = .sequential, marked: [(row: Int, column: Int)] = [],
    columnWidth: Int = 92, texts: [[String]]? = nil
  ) {
    precondition(
      values.shape == [rows.count, columns.count],
      "\(rows.count) rows and \(columns.count) columns do not name \(values.shape)")
    self.values = values
    self.title = title
    self.rows = rows
    self.columns = columns
    self.scale = scale
    self.marked = marked
    self.columnWidth = columnWidth
    self.texts = texts
  }

  private static let pitch = 20

  /// Draws the panel on white.
  public func draw() -> Raster {
    let style = Lettering.text
    let fitted = scale.fitted(to: [values])
    let left = (rows.map { style.width(of: $0) }.max() ?? 0) + 8
    let heads = columns.map { style.wrap($0, width: columnWidth - 6) }
    let width = max(left + columns.count * columnWidth, 160)
    let titleLines = title.isEmpty ? [] : Lettering.strong.wrap(title, width: width)
    let headTop = titleLines.count * Lettering.strong.leading + 4
    let headLines = heads.map(\.count).max() ?? 0
    let top = headTop + headLines * style.leading + 2
    var raster = Raster(width: width, height: top + rows.count * Self.pitch + 2)
    for (number, line) in titleLines.enumerated() {
      raster.write(line, x: 0, y: number * Lettering.strong.leading, .ink, .strong)
    }
    for (column, lines) in heads.enumerated() {
      let middle = left + column * columnWidth + columnWidth / 2
      for (number, line) in lines.enumerated() {
        // Names end at the table's upper edge, whether they take one line or two.
        let y = headTop + (headLines - lines.count + number) * style.leading
        raster.write(line, x: middle, y: y, .grey, align: .centre)
      }
    }
    for (row, name) in rows.enumerated() {
      let y = top + row * Self.pitch
      raster.write(name, x: left - 8, y: y + 4, .ink, align: .right)
      for column in columns.indices {
        let value = values.values[row * columns.count + column]
        let colour = fitted.colour(value)
        let x = left + column * columnWidth
        raster.fill(x: x, y: y, width: columnWidth - 1, height: Self.pitch - 1, colour)
        raster.write(
          texts?[row][column] ?? Numerals.probability(value, decimals: 2),
          x: x + columnWidth / 2, y: y + 4, colour.legibleInk, align: .centre)
      }
    }
    for cell in marked {
      let (x, y) = (left + cell.column * columnWidth, top + cell.row * Self.pitch)
      raster.outline(
        Box(Float(x) + 1, Float(y) + 1, Float(x + columnWidth) - 2, Float(y + Self.pitch) - 2),
        Stroke(.orange, thickness: 3))
    }
    return raster
  }
}
