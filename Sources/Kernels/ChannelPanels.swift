import Tensors

// Images with the channels innermost, as the sums over positions of a weight's gradient need them:
// in panels of as many channels as a tile has rows or columns, so that both factors of such a sum
// are read front to back and no patch is ever copied.
//
// The output's rows are called lines, N Y of them through all images. They are worked off in bands
// of some lines, so that what is laid out stays in the processor's caches.

/// How the rows and columns of an image `[N, C, H, W]` are laid out in panels.
///
/// A panel holds, for each row, the cells of each `part` of its columns, for each cell the lanes. A
/// lane is a channel; or, where there are fewer channels than a panel has lanes, a channel at one
/// of the kernel's columns.
struct PanelLayout: Sendable {
  /// Columns `step * x + first` of the image, for x in `0..<count`; zeros outside the image.
  struct Part: Sendable {
    let first, step, count: Int
  }

  /// `[N, C, H, W]`
  let shape: Shape
  let groups: Int
  /// Lanes of a panel.
  let width: Int
  /// The kernel's columns that are lanes; 1 for none.
  let laneTaps: Int
  let parts: [Part]
  /// Line y reads the rows `rowStep * y - padding + u` for u in `0..<kernelRows`.
  let kernelRows, rowStep, padding: Int

  /// Lanes of a group, of which the panels hold `width` each.
  var lanes: Int { shape[1] / groups * laneTaps }
  var panelsPerGroup: Int { (lanes + width - 1) / width }
  var panels: Int { groups * panelsPerGroup }
  /// Cells of a row.
  var cells: Int { parts.reduce(0) { $0 + $1.count } }
  /// How many rows below its own a line's successor begins in a panel.
  var lineStep: Int { min(rowStep, kernelRows) }
}

/// Some lines, and the rows of the image that they need, each of them once.
struct Band: Sendable {
  /// Lines of one image.
  struct Run: Sendable {
    /// The first line, counted in the band, and how many there are.
    let first, count: Int
    /// Where the first line's rows begin among the band's.
    let row: Int
  }

  private(set) var runs: [Run] = []
  /// The image and its row; the row may lie outside.
  private(set) var rows: [(image: Int, row: Int)] = []

  /// - Parameter perImage: lines of an image
  init(_ lines: Range<Int>, perImage: Int, _ layout: PanelLayout) {
    var line = lines.lowerBound
    while line < lines.upperBound {
      let (n, y) = line.quotientAndRemainder(dividingBy: perImage)
      let count = min(lines.upperBound - line, perImage - y)
      runs.append(Run(first: line - lines.lowerBound, count: count, row: rows.count))
      for row in 0..<layout.lineStep * (count - 1) + layout.kernelRows {
        let (down, u) = row.quotientAndRemainder(dividingBy: layout.lineStep)
        rows.append((n, layout.rowStep * (y + down) + u - layout.padding))
      }
      line += count
    }
  }
}

extension PanelLayout {
  /// Floats that a panel of some rows needs: transposing writes up to eight cells too many.
  func floats(rows: Int) -> Int { (rows * cells + 8) * width + 8 }

  /// Floats that `pack` needs for itself.
  var scratchFloats: Int { (width + 7) / 8 * 8 * linePitch }

  /// Cells of a row, made a multiple of eight.
  private var linePitch: Int { (cells + 7) / 8 * 8 }

  /// Lays out one panel: row after row, cell after cell, lane after lane.
  func pack(
    _ panel: Int, rows: [(image: Int, row: Int)], from image: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>, scratch lines: UnsafeMutablePointer<Float>
  ) {
    let (group, inGroup) = panel.quotientAndRemainder(dividingBy: panelsPerGroup)
    let firstLane = inGroup * width
    let present = min(width, lanes - firstLane)
    let rounded = (width + 7) / 8 * 8
    (lines + present * linePitch).update(repeating: 0, count: (rounded - present) * linePitch)
    for (place, (n, row)) in rows.enumerated() {
      let to = target + place * cells * width
      guard row >= 0, row < shape[2] else {
        to.update(repeating: 0, count: cells * width)
        continue
      }
      for lane in 0..<present {
        let (channel, tap) = (firstLane + lane).quotientAndRemainder(dividingBy: laneTaps)
        let plane = n * shape[1] + group * (shape[1] / groups) + channel
        copyLine(
          image + (plane * shape[2] + row) * shape[3], shift: tap, to: lines + lane * linePitch)
      }
      // Where the width is no multiple of eight, a cell's last lanes spill over into the next cell,
      // which is written later: within eight cells the upper lanes come first, cells in their
      // order.
      for cell in stride(from: 0, to: cells, by: 8) {
        for lane in stride(from: rounded - 8, through: 0, by: -8) {
          transposeEight(
            lines + lane * linePitch + cell, stride: linePitch, to: to + cell * width + lane,
            stride: width)
        }
      }
    }
  }

  /// The cells of one lane in one row.
  @inline(__always)
  private func copyLine(
    _ row: UnsafePointer<Float>, shift: Int, to line: UnsafeMutablePointer<Float>
  ) {
    var to = line
    for part in parts {
      let (first, step) = (part.first + shift, part.step)
      // The cells of the part that lie in the image; beside them are zeros.
      let left = min(part.count, first < 0 ? (-first + step - 1) / step : 0)
      let right = max(
        left, min(part.count, first < shape[3] ? (shape[3] - 1 - first) / step + 1 : 0))
      to.update(repeating: 0, count: left)
      if step == 1 {
        (to + left).update(from: row + first + left, count: right - left)
      } else {
        for x in left..<right { to[x] = row[first &+ step &* x] }
      }
      (to + right).update(repeating: 0, count: part.count - right)
      to += part.count
    }
  }
}
