import Tensors

/// A fully connected layer: `y[r, o] = finish(sum over i of w[o, i] * x[r, i])`. The definition.
///
/// - Parameters:
///   - input: `[R, I]`
///   - weight: `[O, I]`
/// - Returns: `[R, O]`
public func plainLinear(_ input: Tensor, weight: Tensor, finish: Finish = Finish()) -> Tensor {
  checkLinear(input, weight)
  var output = Tensor([input.shape[0], weight.shape[0]], repeating: 0)
  for r in 0..<input.shape[0] {
    for o in 0..<weight.shape[0] {
      var sum: Float = 0
      for i in 0..<input.shape[1] { sum += weight[o, i] * input[r, i] }
      output[r, o] = finish(sum, channel: o)
    }
  }
  return output  // [R, O]
}

/// A fully connected layer, the same sums as `plainLinear`, as a blocked matrix product.
///
/// - Parameters:
///   - input: `[R, I]`
///   - weight: `[O, I]`
/// - Returns: `[R, O]`
public func linear(_ input: Tensor, weight: Tensor, finish: Finish = Finish()) -> Tensor {
  checkLinear(input, weight)
  return Tensor(uninitialized: [input.shape[0], weight.shape[0]]) { output in
    input.values.withUnsafeBufferPointer { rows in
      weight.values.withUnsafeBufferPointer { weights in
        guard let rows = rows.baseAddress, let weights = weights.baseAddress else { return }
        let a = PackedRows(weights, rows: weight.shape[0], depth: weight.shape[1])
        packedProduct(
          a, columns: input.shape[0],
          from: TransposedColumns(matrix: rows, depth: input.shape[1]),
          into: TransposedRows(output: output, width: weight.shape[0], finish: finish))
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
private struct TransposedColumns: ColumnSource, @unchecked Sendable {
  let matrix: UnsafePointer<Float>
  let depth: Int

  func pack(
    column: Int, count: Int, depth range: Range<Int>, panel: UnsafeMutablePointer<Float>
  ) {
    for j in 0..<Tile.columns {
      if j < count {
        let source = matrix + (column + j) * depth + range.lowerBound
        for k in 0..<range.count { panel[k &* Tile.columns &+ j] = source[k] }
      } else {
        for k in 0..<range.count { panel[k &* Tile.columns &+ j] = 0 }
      }
    }
  }
}

/// The columns of the product as rows of a row-major matrix.
private struct TransposedRows: ProductSink, @unchecked Sendable {
  let output: UnsafeMutablePointer<Float>
  let width: Int
  let finish: Finish

  func store(row: Int, column: Int, count: Int, sums: UnsafePointer<Float>) {
    for j in 0..<count {
      output[(column + j) * width + row] = finish(sums[j], channel: row)
    }
  }
}
