// Stage 6, masks in COCO's results format.

/// COCO's run-length encoding of a binary mask: the lengths of alternating runs of 0 and 1, column
/// by column, beginning with 0.
public struct RunLengthEncoding: Sendable, Equatable {
  /// Rows of the image.
  public let height: Int
  /// Columns of the image.
  public let width: Int
  /// Lengths of the runs; the first is of 0 and may be empty.
  public let runs: [Int]

  /// Encodes a mask that is 0 outside a window.
  ///
  /// - Parameters:
  ///   - pixels: the window's, row-major
  ///   - window: where they lie
  public init(_ pixels: [Bool], in window: Window, width: Int, height: Int) {
    var runs: [Int] = []
    var value = false
    var length = 0
    func extend(_ next: Bool, by count: Int) {
      guard count > 0 else { return }
      if next != value {
        runs.append(length)
        (value, length) = (next, 0)
      }
      length += count
    }
    extend(false, by: window.x1 * height)
    for column in 0..<window.width {
      extend(false, by: window.y1)
      for row in 0..<window.height { extend(pixels[row * window.width + column], by: 1) }
      extend(false, by: height - window.y2)
    }
    extend(false, by: (width - (window.x1 + window.width)) * height)
    runs.append(length)
    self.runs = runs
    self.width = width
    self.height = height
  }

  /// COCO's text form: from the fourth run on the difference to the run two before; each number in
  /// groups of five bits, least first, a sixth bit for "more follows", each group as the character
  /// of code 48 + group.
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
}
