import Figures
import Kernels
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Tensors
import Tracing

// The same ledger as files, written and read: a matrix for programs, a table for people.

/// `3-proposals/ledger.npy`, read: what became of every candidate.
public struct CandidateLedger: Sendable {
  /// `[candidates, columns]`
  private let rows: Tensor

  /// Reads the ledger that stage 3 left.
  ///
  /// - Throws: `Fault` if it was not kept, or is no such ledger.
  public init(_ folder: StageFolder) throws {
    rows = try folder.tensor("ledger")
    guard rows.shape.rank == 2, rows.shape[1] == LedgerColumn.count,
      // Levels, places and fates are counted with.
      rows.values.allSatisfy({ $0.magnitude < 0x1p31 }), indices.allSatisfy({ fate($0) != nil })
    else {
      throw Fault(
        folder.folder.path,
        "the ledger \(rows.shape) does not have the columns "
          + "\(LedgerColumn.names), or holds other numbers",
        remedy: "Run the stage proposals again")
    }
  }

  /// The candidates' indices.
  public var indices: Range<Int> { 0..<rows.shape[0] }

  private func value(_ candidate: Int, _ column: Int) -> Float {
    rows.values[candidate * LedgerColumn.count + column]
  }

  private func fate(_ candidate: Int) -> Fate? {
    Fate(
      fate: value(candidate, Self.fate), suppressedBy: value(candidate, Self.suppressedBy),
      overlap: value(candidate, Self.overlap), count: rows.shape[0])
  }

  private static let level = LedgerColumn.level.place
  private static let row = LedgerColumn.row.place
  private static let column = LedgerColumn.column.place
  private static let shape = LedgerColumn.shape.place
  private static let logit = LedgerColumn.logit.place
  private static let x1 = LedgerColumn.x1.place
  private static let fate = LedgerColumn.fate.place
  private static let suppressedBy = LedgerColumn.suppressedBy.place
  private static let overlap = LedgerColumn.overlap.place

  /// A candidate.
  public subscript(candidate: Int) -> Candidate {
    func whole(_ column: Int) -> Int { Int(value(candidate, column)) }
    return Candidate(
      index: candidate,
      place: AnchorPlace(
        level: whole(Self.level), row: whole(Self.row), column: whole(Self.column),
        shape: whole(Self.shape)),
      logit: value(candidate, Self.logit),
      box: Box(
        value(candidate, Self.x1), value(candidate, Self.x1 + 1), value(candidate, Self.x1 + 2),
        value(candidate, Self.x1 + 3)),
      fate: fate(candidate) ?? .kept)
  }
}

/// The ledger as a table with a header, one line per candidate.
func ledgerCSV(_ ledger: [Candidate]) -> [UInt8] {
  let fates = FateName.allCases.map { Array($0.words.utf8) }
  let linesPerPart = 4096
  let parts = Threads.map((ledger.count + linesPerPart - 1) / linesPerPart) { part in
    let entries = ledger[part * linesPerPart..<min((part + 1) * linesPerPart, ledger.count)]
    return [UInt8](unsafeUninitializedCapacity: entries.count * longestLine) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      var line = NumeralWriter(end: start)
      for entry in entries { write(entry, fates, to: &line) }
      count = line.end - start
    }
  }
  var text = Array(
    "candidate,level,row,column,shape,logit,x1,y1,x2,y2,fate,suppressed by candidate,overlap\n".utf8
  )
  text.reserveCapacity(text.count + parts.reduce(0) { $0 + $1.count })
  for part in parts { text += part }
  return text
}

/// No line of the table has more bytes: 6 whole numbers of up to 20 digits, 6 others of up to 18
/// characters, commas and a fate.
private let longestLine = 320

/// Writes a line of the table.
private func write(_ entry: Candidate, _ fates: [[UInt8]], to line: inout NumeralWriter) {
  let place = entry.place
  for number in [entry.index, place.level, place.row, place.column, place.shape] {
    line.write(number)
    line.write(",")
  }
  for value in [entry.logit, entry.box.x1, entry.box.y1, entry.box.x2, entry.box.y2] {
    line.write(thousandths: value)
    line.write(",")
  }
  line.write(fates[entry.fate.name.rawValue])
  line.write(",")
  if case .suppressed(let by, let overlap) = entry.fate {
    line.write(by)
    line.write(",")
    line.write(thousandths: overlap)
  } else {
    line.write(",")
  }
  line.write("\n")
}
