import Kernels
import Stage2Anchors
import Tensors

// The ledger of stage 3 as a matrix.

/// The columns of `ledger.npy`, a row per candidate in the order of their indices.
enum LedgerColumn: String, CaseIterable {
  /// 2 for P2.
  case level
  case row
  case column
  case shape
  case logit
  /// `x1 y1 x2 y2`, the decoded and clipped box.
  case x1, y1, x2, y2
  /// The number of a `FateName`.
  case fate
  /// The candidate that suppressed this one, or -1.
  case suppressedBy = "suppressed_by_candidate"
  /// The IoU with that, or 0.
  case overlap

  /// How many there are.
  static let count = allCases.count
  /// Their names as the tensor's axis has them.
  static let names = allCases.map { $0.rawValue }.joined(separator: " ")
  /// Those that name something, and measure nothing.
  static let categories = [level, row, column, shape, fate, suppressedBy].map { $0.rawValue }
  /// What they hold, for `stage.json`.
  static let note =
    "where every candidate came from, and what became of it. Level 2 is P2; logit; box in input "
    + "pixels; fate: \(FateName.key()); suppressed_by_candidate is the row of the candidate that "
    + "suppressed it, or -1, and overlap the IoU of the two"

  /// The column's place in a row.
  var place: Int { Self.places[self] ?? 0 }

  private static let places = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })
}

/// The ledger as a matrix `[candidates, columns]`; the row is the candidate's index.
package func ledgerTensor(_ ledger: [Candidate]) -> Tensor {
  let width = LedgerColumn.count
  return Tensor(uninitialized: [ledger.count, width]) { values in
    nonisolated(unsafe) let values = values
    Threads.ranges(ledger.count, atLeast: 4096) { range in
      for row in range {
        let entry = ledger[row]
        let (fate, suppressedBy, overlap) = entry.fate.columns
        let to = values + row * width
        to[0] = Float(entry.place.level)
        to[1] = Float(entry.place.row)
        to[2] = Float(entry.place.column)
        to[3] = Float(entry.place.shape)
        to[4] = entry.logit
        to[5] = entry.box.x1
        to[6] = entry.box.y1
        to[7] = entry.box.x2
        to[8] = entry.box.y2
        to[9] = fate
        to[10] = suppressedBy
        to[11] = overlap
      }
    }
  }
}
