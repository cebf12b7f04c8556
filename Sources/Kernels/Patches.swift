import CVectorWidth
import Tensors

/// An image laid out so that what a patch takes along a row, for any place in the kernel, is
/// contiguous and needs no conditions: with zeros around it, and the columns of a row sorted
/// by their remainder by the stride. A 1x1 kernel needs only every s-th row and column.
struct LaidOutInput {
  /// How a channel lies in memory.
  struct Layout {
    /// Floats per channel, per row, and per remainder of the column by the stride.
    let channel, row, phase: Int
    /// Rows that an output row further down begins.
    let rowStep: Int
    let channels: Int
  }

  let tensor: Tensor
  let layout: Layout

  init(_ input: Tensor, _ size: ConvolutionSize) {
    let (step, padding) = (size.stride, size.padding)
    if step == 1, padding == 0 {
      tensor = input
      layout = Layout(
        channel: size.rows * size.columns, row: size.columns, phase: 0, rowStep: 1,
        channels: size.inputs)
      return
    }
    let isSparse = size.kernelRows == 1 && size.kernelColumns == 1
    let phases = isSparse ? 1 : step
    let phase = (size.columns + 2 * padding + step - 1) / step
    let rows = isSparse ? size.outRows : size.rows + 2 * padding
    let rowStride = isSparse ? step : 1
    layout = Layout(
      channel: rows * phases * phase, row: phases * phase, phase: phase,
      rowStep: isSparse ? 1 : step, channels: size.inputs)
    let planes = size.images * size.inputs
    let layout = layout
    tensor = Tensor(uninitialized: [planes * layout.channel]) { output in
      input.values.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else {
          output.initialize(repeating: 0, count: planes * layout.channel)
          return
        }
        let (source, target) = (SharedReading(base), Shared(output))
        Threads.ranges(planes) { range in
          for plane in range {
            for row in 0..<rows {
              let to = target.pointer + plane * layout.channel + row * layout.row
              let from = row * rowStride - padding
              guard from >= 0, from < size.rows else {
                to.initialize(repeating: 0, count: layout.row)
                continue
              }
              let line = source.pointer + (plane * size.rows + from) * size.columns
              if step == 1 {
                to.initialize(repeating: 0, count: padding)
                (to + padding).update(from: line, count: size.columns)
                (to + padding + size.columns).initialize(repeating: 0, count: padding)
                continue
              }
              for remainder in 0..<phases {
                let part = to + remainder * phase
                // The first column of the padded row in this part is `remainder - padding`.
                let left = max(0, (padding - remainder + step - 1) / step)
                let right = max(left, (size.columns + padding - remainder + step - 1) / step)
                part.initialize(repeating: 0, count: left)
                let first = line - padding + remainder
                for j in left..<min(right, phase) { part[j] = first[j &* step] }
                if right < phase {
                  (part + right).initialize(repeating: 0, count: phase - right)
                }
              }
            }
          }
        }
      }
    }
  }
}

/// The patches of a laid-out image as columns: column `(n, y, x)`, row `(i, u, v)`.
struct PatchColumns: ColumnSource, @unchecked Sendable {
  let image: UnsafePointer<Float>
  let layout: LaidOutInput.Layout
  let size: ConvolutionSize
  let firstChannel: Int

  /// Columns of one output row and one panel: their patches are neighbours in the image.
  private struct Run {
    let target, source, count: Int
  }

  private func runs(_ columns: Range<Int>, panelSize: Int) -> [Run] {
    let plane = size.outRows * size.outColumns
    // A 1x1 kernel of stride 1 sees the whole plane as one row.
    let isFlat = layout.row == size.outColumns
    var runs: [Run] = []
    var column = columns.lowerBound
    while column < columns.upperBound {
      let (panel, slot) = (column - columns.lowerBound).quotientAndRemainder(
        dividingBy: Tile.columns)
      let (n, position) = column.quotientAndRemainder(dividingBy: plane)
      let (y, x) = position.quotientAndRemainder(dividingBy: size.outColumns)
      let count = min(
        columns.upperBound - column, Tile.columns - slot,
        isFlat ? plane - position : size.outColumns - x)
      runs.append(
        Run(
          target: panel * panelSize + slot,
          source: (n * layout.channels + firstChannel) * layout.channel
            + y * layout.rowStep * layout.row + x, count: count))
      column += count
    }
    return runs
  }

  func pack(_ columns: Range<Int>, depth: Range<Int>, to panels: UnsafeMutablePointer<Float>) {
    let kernel = size.kernelRows * size.kernelColumns
    runs(columns, panelSize: depth.count * Tile.columns).withUnsafeBufferPointer { runs in
      for (index, k) in depth.enumerated() {
        let (i, tap) = k.quotientAndRemainder(dividingBy: kernel)
        let (u, v) = tap.quotientAndRemainder(dividingBy: size.kernelColumns)
        let (shift, remainder) = v.quotientAndRemainder(dividingBy: size.stride)
        let source =
          image + i * layout.channel + u * layout.row + remainder * layout.phase + shift
        let target = panels + index * Tile.columns
        for run in runs {
          copy(run.count, from: source + run.source, to: target + run.target)
          prefetch_for_reading(source + run.source + 2 &* layout.channel)
          prefetch_for_reading(source + run.source + 2 &* layout.channel + 16)
        }
      }
    }
    let rest = columns.count % Tile.columns
    guard rest > 0 else { return }
    var row = panels + columns.count / Tile.columns * depth.count * Tile.columns + rest
    for _ in depth {
      row.update(repeating: 0, count: Tile.columns - rest)
      row += Tile.columns
    }
  }

  /// Copies a run; a whole panel's width, the common case, without a call.
  @inline(__always)
  private func copy(
    _ count: Int, from source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>
  ) {
    if Tile.lanes == 16, count == 32 {
      let (first, second): (Sixteen, Sixteen) = (load(source), load(source + 16))
      store(first, to: target)
      store(second, to: target + 16)
    } else {
      for j in 0..<count { target[j] = source[j] }
    }
  }
}
