import Stage3Proposals
import Tensors

// The ledger of stage 5 as a matrix.

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
  static let names = allCases.map { $0.rawValue }.joined(separator: " ")
  /// Those that name something, and measure nothing.
  static let categories = [proposal, label, fate, suppressedBy].map { $0.rawValue }
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
}

/// The ledger as a matrix `[entries, columns]`.
package func ledgerTensor(_ ledger: [DetectionCandidate]) -> Tensor {
  Tensor([ledger.count, DetectionLedgerColumn.count], ledger.flatMap { $0.row })
}
