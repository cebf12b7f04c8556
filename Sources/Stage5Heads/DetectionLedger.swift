import Stage3Proposals
import Tensors
import Tracing

// The ledger of stage 5 as files, written and read: a matrix for programs, a table for people.

/// The columns of `ledger.npy`, a row per pair of proposal and class over the score threshold.
enum DetectionLedgerColumn: String, CaseIterable {
  case proposal
  case label = "class"
  case score
  /// `x1 y1 x2 y2`, the refined and clipped box.
  case x1, y1, x2, y2
  /// The number of a `FateName`.
  case fate
  /// The entry (a row of this ledger) that suppressed this one, or -1.
  case suppressedBy = "suppressed_by_entry"
  /// The IoU with that, or 0.
  case overlap

  /// How many there are.
  static let count = allCases.count
  /// Their names as the tensor's axis has them.
  static let names = allCases.map(\.rawValue).joined(separator: " ")
  /// Those that name something, and measure nothing.
  static let categories = [proposal, label, fate, suppressedBy].map(\.rawValue)
  /// The fates that occur.
  static let fates: [FateName] = [.kept, .suppressed, .tooSmall, .beyondLimit]
  /// What they hold, for `stage.json`.
  static let note =
    "every pair of proposal and class over the score threshold, and its fate. Box in input pixels; "
    + "fate: \(FateName.key(fates)); suppressed_by_entry is the row of the pair that suppressed it, "
    + "or -1, and overlap the IoU of the two"
}

extension DetectionCandidate {
  /// The entry as a row of the ledger, in the order of the columns.
  fileprivate var row: [Float] {
    let (fate, suppressedBy, overlap) = fate.columns
    return DetectionLedgerColumn.allCases.map { column in
      switch column {
      case .proposal: Float(proposal)
      case .label: Float(label)
      case .score: score
      case .x1: box.x1
      case .y1: box.y1
      case .x2: box.x2
      case .y2: box.y2
      case .fate: fate
      case .suppressedBy: suppressedBy
      case .overlap: overlap
      }
    }
  }

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

/// The ledger as a matrix `[entries, columns]`.
func ledgerTensor(_ ledger: [DetectionCandidate]) -> Tensor {
  Tensor([ledger.count, DetectionLedgerColumn.count], ledger.flatMap(\.row))
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
