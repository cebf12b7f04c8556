import CVectorWidth
import Tensors

/// Transposed convolution whose kernel equals its stride, as in the mask head (2x2, stride 2):
/// every input cell becomes a K x K block of its own, and no blocks overlap.
///
///     y[n, o, K y + u, K x + v] = finish(sum over i of w[i, o, u, v] * x[n, i, y, x])
///
/// This is the definition; `transposedConvolution` computes the same faster.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[I, O, K, K]`, PyTorch's layout
/// - Returns: `[N, O, K H, K W]`
public func plainTransposedConvolution(
  _ input: Tensor, weight: Tensor, finish: Finish = Finish()
) -> Tensor {
  checkTransposed(input, weight)
  let (inputs, outputs, kernel) = (weight.shape[0], weight.shape[1], weight.shape[2])
  let (images, rows, columns) = (input.shape[0], input.shape[2], input.shape[3])
  let planes = Threads.map(images * outputs) { plane in
    let (n, o) = plane.quotientAndRemainder(dividingBy: outputs)
    var output = Tensor([kernel * rows, kernel * columns], repeating: 0)
    for row in 0..<kernel * rows {
      let (y, u) = row.quotientAndRemainder(dividingBy: kernel)
      for column in 0..<kernel * columns {
        let (x, v) = column.quotientAndRemainder(dividingBy: kernel)
        var sum: Float = 0
        for i in 0..<inputs { sum += weight[i, o, u, v] * input[n, i, y, x] }
        output[row, column] = finish(sum, channel: o)
      }
    }
    return output.values
  }
  // [N, O, K H, K W]
  return Tensor([images, outputs, kernel * rows, kernel * columns], planes.flatMap { $0 })
}

/// Transposed convolution whose kernel equals its stride, the same sums as
/// `plainTransposedConvolution`: a 1x1 convolution to `O K K` channels, whose results are stored
/// where they belong in space.
///
/// Without input channels every sum is 0, and so the result is the finish of 0.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[I, O, K, K]`, PyTorch's layout
/// - Returns: `[N, O, K H, K W]`
public func transposedConvolution(
  _ input: Tensor, weight: PackedWeight, finish: Finish = Finish()
) -> Tensor {
  if KernelForm.current == .plain {
    return plainTransposedConvolution(input, weight: weight.tensor, finish: finish)
  }
  checkTransposed(input, weight.tensor)
  guard input.count > 0, weight.tensor.count > 0 else {
    return plainTransposedConvolution(input, weight: weight.tensor, finish: finish)
  }
  let (outputs, kernel) = (weight.tensor.shape[1], weight.tensor.shape[2])
  let (images, height, width) = (input.shape[0], input.shape[2], input.shape[3])
  return Tensor(uninitialized: [images, outputs, kernel * height, kernel * width]) { output in
    input.values.withUnsafeBufferPointer { buffer in
      guard let cells = buffer.baseAddress else { return }
      let spread = weight.spread()
      let size = ConvolutionSize(input, spread.tensor, stride: 1, padding: 0, groups: 1)
      for rows in spread.rows() {
        packedProduct(
          rows, columns: images * height * width,
          from: PatchColumns(
            image: cells, layout: LaidOutInput(input, size).layout, size: size,
            firstChannel: 0),
          into: SpreadBlocks(
            output: output, outputs: outputs, kernel: kernel, height: height, width: width,
            finishes: finish.channels(outputs)))
      }
    }
  }  // [N, O, K H, K W]
}

private func checkTransposed(_ input: Tensor, _ weight: Tensor) {
  precondition(
    weight.shape.rank == 4 && weight.shape[2] == weight.shape[3]
      && input.shape.rank == 4 && input.shape[1] == weight.shape[0],
    "a transposed weight \(weight.shape) does not fit the input \(input.shape)")
}

/// Blocks of K x K cells: row `(o, u, v)`, column `(n, y, x)`.
private struct SpreadBlocks: ProductSink, @unchecked Sendable {
  let output: UnsafeMutablePointer<Float>
  let outputs, kernel, height, width: Int
  let finishes: [ChannelFinish]

  func expect(rows: Range<Int>, columns: Range<Int>) {
    let taps = kernel * kernel
    let block = taps * width
    // A line of cells becomes `kernel` adjacent lines.
    for line in columns.lowerBound / width...(columns.upperBound - 1) / width {
      let (n, y) = line.quotientAndRemainder(dividingBy: height)
      for o in rows.lowerBound / taps...(rows.upperBound - 1) / taps {
        let start = output + ((n * outputs + o) * height + y) * block
        for place in stride(from: 0, to: block, by: 16) { prefetch_for_writing(start + place) }
      }
    }
  }

  func store(rows: Range<Int>, columns: Range<Int>, sums: UnsafePointer<Float>) {
    let taps = kernel * kernel
    var tile = sums
    for first in stride(from: columns.lowerBound, to: columns.upperBound, by: Tile.columns) {
      let end = min(columns.upperBound, first + Tile.columns)
      // Runs of cells along a row.
      var cell = first
      while cell < end {
        let (line, x) = cell.quotientAndRemainder(dividingBy: width)
        let (n, y) = line.quotientAndRemainder(dividingBy: height)
        let count = min(end - cell, width - x)
        var from = tile + (cell - first)
        for row in rows {
          let (o, tap) = row.quotientAndRemainder(dividingBy: taps)
          let (u, v) = tap.quotientAndRemainder(dividingBy: kernel)
          let finish = finishes[o]
          let plane = (n * outputs + o) * kernel * height
          let target = output + (plane + kernel * y + u) * kernel * width + kernel * x + v
          for j in 0..<count {
            let value = from[j] * finish.scale + finish.shift
            target[kernel &* j] = value < finish.floor ? finish.floor : value
          }
          from += Tile.columns
        }
        cell += count
      }
      tile += Tile.rows * Tile.columns
    }
  }
}
