import Tensors

// The gradients of a fully connected layer; that of its bias is `channelSums`.
//
// R rows, I inputs, O outputs; dY, dX and dw are the gradients by output, input and weight.

/// The gradient of a linear layer by its input: `dX[r, i] = sum over o of w[o, i] * dY[r, o]`. The
/// definition.
///
/// - Parameters:
///   - outputGradient: dY, `[R, O]`
///   - weight: `[O, I]`
/// - Returns: dX, `[R, I]`
public func plainLinearInputGradient(_ outputGradient: Tensor, weight: Tensor) -> Tensor {
  checkLinearGradient(outputGradient, weight: weight)
  let rows = Threads.map(outputGradient.shape[0]) { r in
    (0..<weight.shape[1]).map { i in
      var sum: Float = 0
      for o in 0..<weight.shape[0] { sum += weight[o, i] * outputGradient[r, o] }
      return sum
    }
  }
  return Tensor([outputGradient.shape[0], weight.shape[1]], rows.flatMap { $0 })  // [R, I]
}

/// The gradient of a linear layer by its weight: `dw[o, i] = sum over r of dY[r, o] * x[r, i]`. The
/// definition; the sum is kept in 64 bits, as it runs over all rows of a batch.
///
/// - Parameters:
///   - input: `[R, I]`
///   - outputGradient: dY, `[R, O]`
/// - Returns: dw, `[O, I]`
public func plainLinearWeightGradient(_ input: Tensor, outputGradient: Tensor) -> Tensor {
  checkLinearGradient(outputGradient, input: input)
  let rows = Threads.map(outputGradient.shape[1]) { o in
    (0..<input.shape[1]).map { i in
      var sum = 0.0
      for r in 0..<input.shape[0] { sum += Double(outputGradient[r, o]) * Double(input[r, i]) }
      return Float(sum)
    }
  }
  return Tensor([outputGradient.shape[1], input.shape[1]], rows.flatMap { $0 })  // [O, I]
}

/// The gradient of a linear layer by its input, the same sums as `plainLinearInputGradient`, as a
/// blocked matrix product; or, if `KernelForm.current` says so, the definition. Zeros without
/// outputs.
///
/// - Parameters:
///   - outputGradient: dY, `[R, O]`
///   - weight: `[O, I]`
/// - Returns: dX, `[R, I]`
public func linearInputGradient(_ outputGradient: Tensor, weight: PackedWeight) -> Tensor {
  if KernelForm.current == .plain {
    return plainLinearInputGradient(outputGradient, weight: weight.tensor)
  }
  checkLinearGradient(outputGradient, weight: weight.tensor)
  let inputs = weight.tensor.shape[1]
  guard outputGradient.count > 0 else {
    return Tensor([outputGradient.shape[0], inputs], repeating: 0)
  }
  return Tensor(uninitialized: [outputGradient.shape[0], inputs]) { target in
    outputGradient.values.withUnsafeBufferPointer { rows in
      guard let rows = rows.baseAddress else { return }
      for packed in weight.transposedRows() {
        packedProduct(
          packed, columns: outputGradient.shape[0],
          from: TransposedColumns(matrix: rows, depth: outputGradient.shape[1]),
          into: TransposedRows(output: target, width: inputs, finishes: Finish().channels(inputs)))
      }
    }
  }  // [R, I]
}

/// The gradient of a linear layer by its weight, the same sums as `plainLinearWeightGradient`, as a
/// blocked matrix product; or, if `KernelForm.current` says so, the definition. Zeros without rows.
///
/// - Parameters:
///   - input: `[R, I]`
///   - outputGradient: dY, `[R, O]`
/// - Returns: dw, `[O, I]`
public func linearWeightGradient(_ input: Tensor, outputGradient: Tensor) -> Tensor {
  if KernelForm.current == .plain {
    return plainLinearWeightGradient(input, outputGradient: outputGradient)
  }
  checkLinearGradient(outputGradient, input: input)
  let (rows, inputs, outputs) = (input.shape[0], input.shape[1], outputGradient.shape[1])
  guard input.count > 0, outputGradient.count > 0 else {
    return Tensor([outputs, inputs], repeating: 0)
  }
  return Tensor(uninitialized: [outputs, inputs]) { target in
    input.values.withUnsafeBufferPointer { input in
      outputGradient.values.withUnsafeBufferPointer { gradient in
        guard let input = input.baseAddress, let gradient = gradient.baseAddress else { return }
        packedProduct(
          PackedRows(gradient, rows: outputs, depth: rows, transposed: true), columns: inputs,
          from: MatrixColumns(matrix: input, width: inputs),
          into: MatrixRows(output: target, width: inputs))
      }
    }
  }  // [O, I]
}

private func checkLinearGradient(
  _ outputGradient: Tensor, input: Tensor? = nil, weight: Tensor? = nil
) {
  precondition(
    outputGradient.shape.rank == 2
      && input.map { $0.shape.rank == 2 && $0.shape[0] == outputGradient.shape[0] } ?? true
      && weight.map { $0.shape.rank == 2 && $0.shape[0] == outputGradient.shape[1] } ?? true,
    "the output \(outputGradient.shape) does not fit the input or the weight")
}

/// The columns of a row-major matrix.
private struct MatrixColumns: ColumnSource, @unchecked Sendable {
  let matrix: UnsafePointer<Float>
  let width: Int

  func pack(
    _ columns: Range<Int>, depth range: Range<Int>, to panels: UnsafeMutablePointer<Float>
  ) {
    var panel = panels
    for first in stride(from: columns.lowerBound, to: columns.upperBound, by: Tile.columns) {
      let count = min(Tile.columns, columns.upperBound - first)
      for k in range {
        panel.update(from: matrix + k * width + first, count: count)
        if count < Tile.columns {
          (panel + count).update(repeating: 0, count: Tile.columns - count)
        }
        panel += Tile.columns
      }
    }
  }
}

/// The rows of the product as rows of a row-major matrix.
private struct MatrixRows: ProductSink, @unchecked Sendable {
  let output: UnsafeMutablePointer<Float>
  let width: Int

  func store(rows: Range<Int>, columns: Range<Int>, sums: UnsafePointer<Float>) {
    for row in rows {
      var from = sums + (row - rows.lowerBound) * Tile.columns
      for first in stride(from: columns.lowerBound, to: columns.upperBound, by: Tile.columns) {
        let count = min(Tile.columns, columns.upperBound - first)
        (output + row * width + first).update(from: from, count: count)
        from += Tile.rows * Tile.columns
      }
    }
  }
}
