import Stage3Proposals
import Tensors
import Tracing

// The same ledger as files, written and read: a matrix for programs, a table for people.

extension DetectionCandidate {
  /// Reads a row; nil where it does not hold an entry.
  fileprivate init?(row: ArraySlice<Float>, count: Int) {
    let values = Dictionary(uniqueKeysWithValues: zip(DetectionLedgerColumn.allCases, row))
    func value(_ column: DetectionLedgerColumn) -> Float { values[column] ?? .nan }
    guard let proposal = Int(exactly: value(.proposal)), let label = Int(exactly: value(.label)),
      let fate = Fate(
        fate: value(.fate), suppressedBy: value(.suppressedBy), overlap: value(.overlap),
        count: count)
    else { return nil }
    self.init(
      proposal: proposal, label: label, score: value(.score),
      box: Box(value(.x1), value(.y1), value(.x2), value(.y2)), fate: fate)
  }
}

extension StageFolder {
  /// The ledger that stage 5 left.
  ///
  /// - Throws: `Fault` if it was not kept, or is no such ledger.
  public func detectionLedger() throws -> [DetectionCandidate] {
    let rows = try tensor("ledger")
    let width = DetectionLedgerColumn.count
    let fault = Fault(
      folder.path,
      "the ledger \(rows.shape) does not have the columns "
        + "\(DetectionLedgerColumn.names), or holds other numbers",
      remedy: "Run the stage heads again")
    guard rows.shape.rank == 2, rows.shape[1] == width else { throw fault }
    return try (0..<rows.shape[0]).map { index in
      guard
        let entry = DetectionCandidate(
          row: rows.values[index * width..<(index + 1) * width], count: rows.shape[0])
      else { throw fault }
      return entry
    }
  }
}

/// The ledger as a table with a header, one line per pair of proposal and class.
func ledgerCSV(_ ledger: [DetectionCandidate], classNames: [String]) -> [UInt8] {
  var text = "entry,proposal,class,name,score,x1,y1,x2,y2,fate,suppressed by entry,overlap\n"
  for (index, entry) in ledger.enumerated() {
    let name = classNames.indices.contains(entry.label) ? classNames[entry.label] : ""
    var by = ","
    if case .suppressed(let winner, let overlap) = entry.fate { by = "\(winner),\(overlap)" }
    let box = entry.box
    text += "\(index),\(entry.proposal),\(entry.label),\(quotedCSV(name)),\(entry.score),"
    text += "\(box.x1),\(box.y1),\(box.x2),\(box.y2),\(entry.fate.name.words),\(by)\n"
  }
  return Array(text.utf8)
}
