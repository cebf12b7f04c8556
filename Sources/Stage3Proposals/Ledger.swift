import Kernels
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
  let width = ledgerColumns.count
  return Tensor(uninitialized: [ledger.count, width]) { values in
    nonisolated(unsafe) let values = values
    Threads.ranges(ledger.count, atLeast: 4096) { range in
      for row in range {
        let entry = ledger[row]
        var by: Float = -1
        var overlap: Float = 0
        if case .suppressed(let winner, let iou) = entry.fate {
          (by, overlap) = (Float(winner), iou)
        }
        let to = values + row * width
        to[0] = Float(entry.level)
        to[1] = Float(entry.row)
        to[2] = Float(entry.column)
        to[3] = Float(entry.shape)
        to[4] = entry.logit
        to[5] = entry.box.x1
        to[6] = entry.box.y1
        to[7] = entry.box.x2
        to[8] = entry.box.y2
        to[9] = Float(entry.fate.number)
        to[10] = by
        to[11] = overlap
      }
    }
  }
}

/// The ledger as a table with a header, one line per candidate.
func ledgerCSV(_ ledger: [Candidate]) -> [UInt8] {
  let fates = CandidateFate.names.map { Array($0.utf8) }
  let linesPerPart = 4096
  let parts = Threads.map((ledger.count + linesPerPart - 1) / linesPerPart) { part in
    let entries = ledger[part * linesPerPart..<min((part + 1) * linesPerPart, ledger.count)]
    return [UInt8](unsafeUninitializedCapacity: entries.count * longestLine) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      var line = DecimalWriter(end: start)
      for entry in entries { line.write(entry, fates) }
      count = line.end - start
    }
  }
  var text = Array(
    "candidate,level,row,column,shape,logit,x1,y1,x2,y2,fate,suppressed by,overlap\n".utf8)
  text.reserveCapacity(text.count + parts.reduce(0) { $0 + $1.count })
  for part in parts { text += part }
  return text
}

/// No line of the table has more bytes: 6 whole numbers of up to 20 digits, 6 others of up to 18
/// characters, commas and a fate.
private let longestLine = 320

/// Writes numbers as text. Formatting two million of them by way of String takes seconds.
private struct DecimalWriter {
  /// Where the next character goes.
  var end: UnsafeMutablePointer<UInt8>

  /// Writes a line of the ledger.
  mutating func write(_ entry: Candidate, _ fates: [[UInt8]]) {
    // A level is called by its name, P2.
    for number in [entry.index, entry.level + 2, entry.row, entry.column, entry.shape] {
      write(number)
      write(",")
    }
    for value in [entry.logit, entry.box.x1, entry.box.y1, entry.box.x2, entry.box.y2] {
      write(value)
      write(",")
    }
    write(fates[entry.fate.number])
    write(",")
    if case .suppressed(let by, let overlap) = entry.fate {
      write(by)
      write(",")
      write(overlap)
    } else {
      write(",")
    }
    write("\n")
  }

  private mutating func write(_ character: Unicode.Scalar) {
    end.initialize(to: UInt8(ascii: character))
    end += 1
  }

  private mutating func write(_ text: [UInt8]) {
    for byte in text {
      end.initialize(to: byte)
      end += 1
    }
  }

  /// Writes a whole number.
  private mutating func write(_ value: Int) {
    if value < 0 { write("-") }
    var digits = 1
    var limit: UInt = 10
    while value.magnitude >= limit, digits < 19 {
      digits += 1
      limit *= 10
    }
    var rest = value.magnitude
    for place in stride(from: digits - 1, through: 0, by: -1) {
      (end + place).initialize(to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    }
    end += digits
  }

  /// Writes a number with three decimals.
  private mutating func write(_ value: Float) {
    guard value.isFinite, value.magnitude < 1e12 else { return write(Array("\(value)".utf8)) }
    let exact = Double(value.magnitude) * 1000
    var thousandths = Int(exact)
    // Half of a thousandth counts up, as in `rounded()`, which is a call.
    if exact - Double(thousandths) >= 0.5 { thousandths += 1 }
    if value < 0, thousandths > 0 { write("-") }
    write(thousandths / 1000)
    write(".")
    for divisor in [100, 10, 1] {
      end.initialize(
        to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: thousandths / divisor % 10))
      end += 1
    }
  }
}
