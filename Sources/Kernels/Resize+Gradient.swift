import Tensors

/// The gradient of a nearest-neighbour resize: each input cell gets the sum over the output cells
/// that were copied from it,
///
///     dX[n, c, h, w] = sum over y, x of dY[n, c, y, x], where floor(y H / H') = h, floor(x W / W') = w
///
/// This is the definition; `resizeNearestGradient` computes the same faster.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, H', W']`
///   - rows: H, and `columns` W
/// - Returns: dX, `[N, C, H, W]`
public func plainResizeNearestGradient(
  _ outputGradient: Tensor, rows: Int, columns: Int
) -> Tensor {
  checkResizeGradient(outputGradient, rows: rows, columns: columns)
  let (count, channels) = (outputGradient.shape[0], outputGradient.shape[1])
  let fromRow = nearestCells(rows, outputGradient.shape[2])
  let fromColumn = nearestCells(columns, outputGradient.shape[3])
  let planes = Threads.map(count * channels) { plane in
    let (n, c) = plane.quotientAndRemainder(dividingBy: channels)
    var gradient = Tensor([rows, columns], repeating: 0)
    for (y, h) in fromRow.enumerated() {
      for (x, w) in fromColumn.enumerated() { gradient[h, w] += outputGradient[n, c, y, x] }
    }
    return gradient.values
  }
  return Tensor([count, channels, rows, columns], planes.flatMap { $0 })  // [N, C, H, W]
}

/// The gradient of a nearest-neighbour resize, the same sums as `plainResizeNearestGradient`: whole
/// rows first, then their columns; or, if `KernelForm.current` says so, the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, H', W']`
///   - rows: H, and `columns` W
/// - Returns: dX, `[N, C, H, W]`
public func resizeNearestGradient(_ outputGradient: Tensor, rows: Int, columns: Int) -> Tensor {
  if KernelForm.current == .plain {
    return plainResizeNearestGradient(outputGradient, rows: rows, columns: columns)
  }
  checkResizeGradient(outputGradient, rows: rows, columns: columns)
  let (outRows, outColumns) = (outputGradient.shape[2], outputGradient.shape[3])
  let fromRow = nearestCells(rows, outRows)
  let fromColumn = nearestCells(columns, outColumns).map { Int32($0) }
  let planes = outputGradient.shape[0] * outputGradient.shape[1]
  let shape: Shape = [outputGradient.shape[0], outputGradient.shape[1], rows, columns]
  return Tensor(uninitialized: shape) { target in
    target.initialize(repeating: 0, count: shape.count)
    outputGradient.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(target))
      Threads.ranges(planes) { range in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, outColumns)) { line in
          guard let line = line.baseAddress else { return }
          for plane in range {
            let from = source.pointer + plane * outRows * outColumns
            var y = 0
            while y < outRows {
              let row = fromRow[y]
              line.update(from: from + y * outColumns, count: outColumns)
              y += 1
              while y < outRows, fromRow[y] == row {
                let other = from + y * outColumns
                for x in 0..<outColumns { line[x] += other[x] }
                y += 1
              }
              let to = target.pointer + (plane * rows + row) * columns
              fromColumn.withUnsafeBufferPointer { cells in
                for x in 0..<outColumns { to[Int(cells[x])] += line[x] }
              }
            }
          }
        }
      }
    }
  }  // [N, C, H, W]
}

private func checkResizeGradient(_ outputGradient: Tensor, rows: Int, columns: Int) {
  precondition(
    outputGradient.shape.rank == 4 && (rows > 0 && columns > 0 || outputGradient.count == 0),
    "\(outputGradient.shape) is not made of \(rows) x \(columns) cells")
}
