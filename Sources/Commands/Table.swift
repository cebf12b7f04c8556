/// A table in plain text: columns as wide as their widest cell, numbers to the right.
struct Table {
  private var rows: [[String]]
  private let rightAligned: Set<Int>

  /// Makes a table with a heading per column; `right` names the columns aligned to the right.
  init(_ headings: [String], right: Set<Int> = []) {
    rows = [headings]
    rightAligned = right
  }

  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The table, one line per row, a rule under the headings.
  var text: String {
    let widths = (0..<rows[0].count).map { column in
      rows.map { $0[column].count }.max() ?? 0
    }
    var lines = rows.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return rightAligned.contains(column) ? space + cell : cell + space
      }.joined(separator: "  ").trimmingEnd()
    }
    lines.insert(widths.map { String(repeating: "-", count: $0) }.joined(separator: "  "), at: 1)
    return lines.joined(separator: "\n")
  }
}

extension String {
  fileprivate func trimmingEnd() -> String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
