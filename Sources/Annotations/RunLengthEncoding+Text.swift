// The compressed form in which COCO's files hold runs.
//
// From the fourth run on the difference to the run two before is stored; each number in groups of
// five bits, least significant first, with a sixth bit for "more follows", each group as the
// character with code 48 + group.

import Tensors

extension RunLengthEncoding {
  /// The runs in COCO's compressed form.
  public var counts: String {
    var text = ""
    for (index, run) in runs.enumerated() {
      var rest = index > 2 ? run - runs[index - 2] : run
      var more = true
      while more {
        var group = rest & 0x1f
        rest >>= 5
        // The fifth bit is the sign of what is left: nothing follows when all of it agrees.
        more = group & 0x10 == 0 ? rest != 0 : rest != -1
        if more { group |= 0x20 }
        text.unicodeScalars.append(Unicode.Scalar(UInt8(48 + group)))
      }
    }
    return text
  }

  /// Reads runs in COCO's compressed form.
  ///
  /// - Throws: `Fault` about `name` if a character is none of the code's, the text ends within a
  ///   number, or the runs do not add up to the image
  public init(counts: String, width: Int, height: Int, name: String) throws(Fault) {
    let remedy = "Encode the mask again"
    var runs: [Int] = []
    var (value, shift) = (0, 0)
    for character in counts.utf8 {
      guard (48..<112).contains(character), shift <= 55 else {
        throw Fault(name, "its mask is not in COCO's compressed form", remedy: remedy)
      }
      let group = Int(character) - 48
      value |= (group & 0x1f) << shift
      shift += 5
      guard group & 0x20 == 0 else { continue }
      if group & 0x10 != 0 { value |= -1 << shift }
      // The runs before are at most 2^60 in size, so that this sum cannot overflow.
      if runs.count > 2 { value += runs[runs.count - 2] }
      guard value >= 0, value <= 1 << 59 else {
        throw Fault(name, "its mask has a run of \(value) pixels", remedy: remedy)
      }
      runs.append(value)
      (value, shift) = (0, 0)
    }
    guard shift == 0 else {
      throw Fault(name, "its mask is cut short", remedy: remedy)
    }
    try self.init(runs: runs, width: width, height: height, name: name)
  }
}
