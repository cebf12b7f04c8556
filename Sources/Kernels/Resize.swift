import Tensors

/// Bilinear resize with half-pixel centres (`align_corners=False`), without smoothing when
/// shrinking. Output cell i samples the input at `(i + 0.5) * H / H' - 0.5`, not below 0. Zeros
/// where the input has no cells.
///
/// - Parameters:
///   - input: planes, `[C, H, W]`
///   - rows: H', and `columns` W'
/// - Returns: `[C, H', W']`
public func resizeBilinear(_ input: Tensor, rows: Int, columns: Int) -> Tensor {
  resizeBilinear(input, rows: rows, columns: columns, only: 0..<rows, 0..<columns)
}

/// A part of what `resizeBilinear` gives: some of its rows and columns.
///
/// - Returns: `[C, partRows.count, partColumns.count]`
public func resizeBilinear(
  _ input: Tensor, rows: Int, columns: Int, only partRows: Range<Int>, _ partColumns: Range<Int>
) -> Tensor {
  precondition(input.shape.rank == 3, "no resizing of \(input.shape)")
  let shape: Shape = [input.shape[0], partRows.count, partColumns.count]
  guard input.count > 0 else { return Tensor(shape, repeating: 0) }
  let (height, width) = (input.shape[1], input.shape[2])
  let vertical = partRows.map { Interpolation($0, from: height, to: rows) }
  let horizontal = partColumns.map { Interpolation($0, from: width, to: columns) }
  return Tensor(uninitialized: shape) { output in
    input.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(output))
      Threads.ranges(shape[0] * shape[1]) { range in
        for line in range {
          let (plane, y) = line.quotientAndRemainder(dividingBy: shape[1])
          let v = vertical[y]
          let above = source.pointer + (plane * height + v.low) * width
          let below = source.pointer + (plane * height + v.high) * width
          let to = target.pointer + line * shape[2]
          for x in 0..<shape[2] {
            let h = horizontal[x]
            let top = (1 - h.weight) * above[h.low] + h.weight * above[h.high]
            let bottom = (1 - h.weight) * below[h.low] + h.weight * below[h.high]
            to[x] = (1 - v.weight) * top + v.weight * bottom
          }
        }
      }
    }
  }  // [C, H', W']
}

/// The two input cells that an output cell lies between, and the weight of the second.
private struct Interpolation {
  let low: Int
  let high: Int
  let weight: Float

  init(_ index: Int, from extent: Int, to target: Int) {
    let scale = Float(extent) / Float(target)
    let position = max(0, (Float(index) + 0.5) * scale - 0.5)
    low = min(Int(position), extent - 1)
    high = min(low + 1, extent - 1)
    weight = position - Float(low)
  }
}

/// Nearest-neighbour resize: output cell i takes input cell `floor(i * H / H')`. Zeros where the
/// input has no cells.
///
/// - Parameters:
///   - input: `[N, C, H, W]`
///   - rows: H', and `columns` W'
/// - Returns: `[N, C, H', W']`
public func resizeNearest(_ input: Tensor, rows: Int, columns: Int) -> Tensor {
  precondition(input.shape.rank == 4, "no resizing of \(input.shape)")
  guard input.count > 0 else {
    return Tensor([input.shape[0], input.shape[1], rows, columns], repeating: 0)
  }
  let (height, width) = (input.shape[2], input.shape[3])
  let (fromRow, fromColumn) = (nearestCells(height, rows), nearestCells(width, columns))
  let planes = input.shape[0] * input.shape[1]
  return Tensor(uninitialized: [input.shape[0], input.shape[1], rows, columns]) { output in
    input.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(output))
      Threads.ranges(planes) { range in
        for plane in range {
          for y in 0..<rows {
            let from = source.pointer + (plane * height + fromRow[y]) * width
            let to = target.pointer + (plane * rows + y) * columns
            if y > 0, fromRow[y] == fromRow[y - 1] {
              to.update(from: to - columns, count: columns)
            } else {
              fromColumn.withUnsafeBufferPointer { cells in
                for x in 0..<columns { to[x] = from[cells[x]] }
              }
            }
          }
        }
      }
    }
  }  // [N, C, H', W']
}

/// The input cell that each output cell of a nearest-neighbour resize takes, along one axis.
func nearestCells(_ extent: Int, _ target: Int) -> [Int] {
  let scale = Float(extent) / Float(target)
  return (0..<target).map { min(Int(Float($0) * scale), extent - 1) }
}
