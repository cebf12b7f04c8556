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

/// A number with a fixed count of decimals.
func decimals(_ value: Double, _ count: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  var scale = 1.0
  for _ in 0..<count { scale *= 10 }
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 1e15 else { return "\(value)" }
  let whole = Int(scaled)
  let sign = value < 0 && whole > 0 ? "-" : ""
  guard count > 0 else { return sign + String(whole) }
  let fraction = String(whole % Int(scale))
  let zeros = String(repeating: "0", count: count - fraction.count)
  return "\(sign)\(whole / Int(scale)).\(zeros)\(fraction)"
}

/// A small number in powers of ten, `3.2e-07`; `0` for zero.
func scientific(_ value: Float) -> String {
  guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
  var exponent = 0
  var mantissa = Double(abs(value))
  while mantissa < 1 {
    mantissa *= 10
    exponent -= 1
  }
  while mantissa >= 9.95 {
    mantissa /= 10
    exponent += 1
  }
  let digits = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
  return "\(value < 0 ? "-" : "")\(decimals(mantissa, 1))e\(exponent < 0 ? "-" : "+")\(digits)"
}
