import Tensors

// The ledger as files: a matrix for programs, a table for people.

/// The columns of `ledger.npy`. `fate` counts as `CandidateFate.names` does; `by` is the candidate
/// that suppressed this one, or -1.
let ledgerColumns = [
  "level", "row", "column", "shape", "logit", "x1", "y1", "x2", "y2", "fate", "by", "overlap",
]

extension CandidateFate {
  /// The fates in words, in the order in which `ledger.npy` counts them.
  public static let names = [
    "kept", "suppressed", "clipped away", "too small", "below the top", "beyond the limit",
  ]

  /// The fate's place in `names`.
  public var number: Int {
    switch self {
    case .kept: 0
    case .suppressed: 1
    case .clippedAway: 2
    case .tooSmall: 3
    case .belowTop: 4
    case .beyondLimit: 5
    }
  }
}

/// The ledger as a matrix `[candidates, 12]`; the row is the candidate's index.
func ledgerTensor(_ ledger: [Candidate]) -> Tensor {
  var values: [Float] = []
  values.reserveCapacity(ledger.count * ledgerColumns.count)
  for entry in ledger {
    var by: Float = -1
    var overlap: Float = 0
    if case .suppressed(let winner, let iou) = entry.fate {
      (by, overlap) = (Float(winner), iou)
    }
    values.append(Float(entry.level))
    values.append(Float(entry.row))
    values.append(Float(entry.column))
    values.append(Float(entry.shape))
    values.append(entry.logit)
    values.append(entry.box.x1)
    values.append(entry.box.y1)
    values.append(entry.box.x2)
    values.append(entry.box.y2)
    values.append(Float(entry.fate.number))
    values.append(by)
    values.append(overlap)
  }
  return Tensor([ledger.count, ledgerColumns.count], values)
}

/// The ledger as a table with a header, one line per candidate.
func ledgerCSV(_ ledger: [Candidate]) -> [UInt8] {
  var text = Array(
    "candidate,level,row,column,shape,logit,x1,y1,x2,y2,fate,suppressed by,overlap\n".utf8)
  text.reserveCapacity(80 * ledger.count)
  let fates = CandidateFate.names.map { Array($0.utf8) }
  for entry in ledger {
    for number in [entry.index, entry.level + 2, entry.row, entry.column, entry.shape] {
      // A level is called by its name, P2.
      text.appendDecimal(number)
      text.append(UInt8(ascii: ","))
    }
    for value in [entry.logit, entry.box.x1, entry.box.y1, entry.box.x2, entry.box.y2] {
      text.appendDecimal(value)
      text.append(UInt8(ascii: ","))
    }
    text += fates[entry.fate.number]
    text.append(UInt8(ascii: ","))
    if case .suppressed(let by, let overlap) = entry.fate {
      text.appendDecimal(by)
      text.append(UInt8(ascii: ","))
      text.appendDecimal(overlap)
    } else {
      text.append(UInt8(ascii: ","))
    }
    text.append(UInt8(ascii: "\n"))
  }
  return text
}

// Formatting a million numbers by way of String takes seconds; these take a tenth of one.
extension [UInt8] {
  /// Appends a whole number.
  fileprivate mutating func appendDecimal(_ value: Int) {
    if value < 0 { append(UInt8(ascii: "-")) }
    var rest = value.magnitude
    let start = count
    repeat {
      append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    self[start...].reverse()
  }

  /// Appends a number with three decimals.
  fileprivate mutating func appendDecimal(_ value: Float) {
    guard value.isFinite, value.magnitude < 1e12 else {
      self += Array("\(value)".utf8)
      return
    }
    let thousandths = Int((Double(value.magnitude) * 1000).rounded())
    if value < 0, thousandths > 0 { append(UInt8(ascii: "-")) }
    appendDecimal(thousandths / 1000)
    append(UInt8(ascii: "."))
    for divisor in [100, 10, 1] {
      append(UInt8(ascii: "0") + UInt8(thousandths / divisor % 10))
    }
  }
}
