import Tensors

/// A fully connected layer: `y[r, o] = finish(sum over i of w[o, i] * x[r, i])`. The definition.
///
/// - Parameters:
///   - input: `[R, I]`
///   - weight: `[O, I]`
/// - Returns: `[R, O]`
public func plainLinear(_ input: Tensor, weight: Tensor, finish: Finish = Finish()) -> Tensor {
  checkLinear(input, weight)
  let rows = Threads.map(input.shape[0]) { r in
    (0..<weight.shape[0]).map { o in
      var sum: Float = 0
      for i in 0..<input.shape[1] { sum += weight[o, i] * input[r, i] }
      return finish(sum, channel: o)
    }
  }
  return Tensor([input.shape[0], weight.shape[0]], rows.flatMap { $0 })  // [R, O]
}

/// A fully connected layer, the same sums as `plainLinear`, as a blocked matrix product.
///
/// Without inputs, I = 0, every sum is 0, and so the result is the finish of 0.
///
/// - Parameters:
///   - input: `[R, I]`
///   - weight: `[O, I]`
/// - Returns: `[R, O]`
public func linear(_ input: Tensor, weight: PackedWeight, finish: Finish = Finish()) -> Tensor {
  if KernelForm.current == .plain {
    return plainLinear(input, weight: weight.tensor, finish: finish)
  }
  checkLinear(input, weight.tensor)
  guard input.count > 0, weight.tensor.count > 0 else {
    return plainLinear(input, weight: weight.tensor, finish: finish)
  }
  let outputs = weight.tensor.shape[0]
  return Tensor(uninitialized: [input.shape[0], outputs]) { output in
    input.values.withUnsafeBufferPointer { rows in
      guard let rows = rows.baseAddress else { return }
      for packed in weight.rows() {
        packedProduct(
          packed, columns: input.shape[0],
          from: TransposedColumns(matrix: rows, depth: input.shape[1]),
          into: TransposedRows(
            output: output, width: outputs, finishes: finish.channels(outputs)))
      }
    }
  }  // [R, O]
}

private func checkLinear(_ input: Tensor, _ weight: Tensor) {
  precondition(
    input.shape.rank == 2 && weight.shape.rank == 2 && input.shape[1] == weight.shape[1],
    "a weight \(weight.shape) does not fit the input \(input.shape)")
}

/// The rows of a row-major matrix as columns.
struct TransposedColumns: ColumnSource, @unchecked Sendable {
  let matrix: UnsafePointer<Float>
  let depth: Int

  func pack(
    _ columns: Range<Int>, depth range: Range<Int>, to panels: UnsafeMutablePointer<Float>
  ) {
    var panel = panels
    for first in stride(from: columns.lowerBound, to: columns.upperBound, by: Tile.columns) {
      let count = min(Tile.columns, columns.upperBound - first)
      let source = matrix + first * depth + range.lowerBound
      // Sixteen steps of depth at a time: a line of the cache of every row.
      for part in stride(from: 0, to: range.count, by: 16) {
        if count == Tile.columns, count % 16 == 0, part + 16 <= range.count {
          for j in stride(from: 0, to: count, by: 16) {
            transpose(
              source + j * depth + part, stride: depth, to: panel + part * Tile.columns + j,
              stride: Tile.columns)
          }
          continue
        }
        for j in 0..<count {
          let from = source + j * depth
          for k in part..<min(part + 16, range.count) {
            panel[k &* Tile.columns &+ j] = from[k]
          }
        }
      }
      for k in 0..<range.count where count < Tile.columns {
        for j in count..<Tile.columns { panel[k &* Tile.columns &+ j] = 0 }
      }
      panel += range.count * Tile.columns
    }
  }
}

/// The columns of the product as rows of a row-major matrix.
struct TransposedRows: ProductSink, @unchecked Sendable {
  let output: UnsafeMutablePointer<Float>
  let width: Int
  let finishes: [ChannelFinish]

  func store(rows: Range<Int>, columns: Range<Int>, sums: UnsafePointer<Float>) {
    finishes.withUnsafeBufferPointer { finishes in
      for (j, column) in columns.enumerated() {
        let (tile, place) = j.quotientAndRemainder(dividingBy: Tile.columns)
        var from = sums + tile * Tile.rows * Tile.columns + place
        let target = output + column * width
        for row in rows {
          let finish = finishes[row]
          let value = from.pointee * finish.scale + finish.shift
          target[row] = value < finish.floor ? finish.floor : value
          from += Tile.columns
        }
      }
    }
  }
}
