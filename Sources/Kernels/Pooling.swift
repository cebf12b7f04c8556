import Tensors

/// Max pooling: the greatest of each K x K window; cells outside the image do not count.
///
///     y[n, c, y, x] = max over u, v of x[n, c, s y - p + u, s x - p + v]
///
/// A window with a NaN gives NaN, as in PyTorch; one without a cell gives minus infinity. This is
/// the definition; `maxPool` computes the same faster.
///
/// - Parameter input: `[N, C, H, W]`
/// - Returns: `[N, C, Y, X]`
public func plainMaxPool(_ input: Tensor, kernel: Int, stride: Int, padding: Int = 0) -> Tensor {
  checkPooling(input, kernel: kernel, padding: padding)
  let (images, channels) = (input.shape[0], input.shape[1])
  let (rows, columns) = (input.shape[2], input.shape[3])
  let outRows = convolvedExtent(rows, kernel: kernel, stride: stride, padding: padding)
  let outColumns = convolvedExtent(columns, kernel: kernel, stride: stride, padding: padding)
  let planes = Threads.map(images * channels) { plane in
    let (n, c) = plane.quotientAndRemainder(dividingBy: channels)
    var output = Tensor([outRows, outColumns], repeating: 0)
    for y in 0..<outRows {
      for x in 0..<outColumns {
        var greatest = -Float.infinity
        for u in 0..<kernel {
          let row = stride * y - padding + u
          guard row >= 0, row < rows else { continue }
          for v in 0..<kernel {
            let column = stride * x - padding + v
            guard column >= 0, column < columns else { continue }
            greatest = greater(greatest, input[n, c, row, column])
          }
        }
        output[y, x] = greatest
      }
    }
    return output.values
  }
  return Tensor([images, channels, outRows, outColumns], planes.flatMap { $0 })  // [N, C, Y, X]
}

/// The greater of two numbers; NaN if one of them is.
@inline(__always)
private func greater(_ a: Float, _ b: Float) -> Float {
  b > a || b.isNaN ? b : a
}

private func checkPooling(_ input: Tensor, kernel: Int, padding: Int) {
  precondition(input.shape.rank == 4 && 2 * padding <= kernel, "no pooling of \(input.shape)")
}

/// Max pooling, the same numbers as `plainMaxPool`, a line of the image at a time; or, if
/// `KernelForm.current` says so, the definition.
///
/// - Parameter input: `[N, C, H, W]`
/// - Returns: `[N, C, Y, X]`
public func maxPool(_ input: Tensor, kernel: Int, stride: Int, padding: Int = 0) -> Tensor {
  if KernelForm.current == .plain {
    return plainMaxPool(input, kernel: kernel, stride: stride, padding: padding)
  }
  checkPooling(input, kernel: kernel, padding: padding)
  guard input.count > 0 else {
    return plainMaxPool(input, kernel: kernel, stride: stride, padding: padding)
  }
  let (rows, columns) = (input.shape[2], input.shape[3])
  let outRows = convolvedExtent(rows, kernel: kernel, stride: stride, padding: padding)
  let outColumns = convolvedExtent(columns, kernel: kernel, stride: stride, padding: padding)
  let planes = input.shape[0] * input.shape[1]
  return Tensor(uninitialized: [input.shape[0], input.shape[1], outRows, outColumns]) { output in
    input.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(output))
      Threads.ranges(planes) { range in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, columns)) { line in
          guard let line = line.baseAddress else { return }
          for plane in range {
            let from = source.pointer + plane * rows * columns
            var to = target.pointer + plane * outRows * outColumns
            for y in 0..<outRows {
              // The window's rows first, a whole line at once; then its columns.
              line.update(repeating: -.infinity, count: columns)
              let window = max(0, stride * y - padding)..<min(rows, stride * y - padding + kernel)
              for row in window {
                let cells = from + row &* columns
                for column in 0..<columns { line[column] = greater(line[column], cells[column]) }
              }
              for x in 0..<outColumns {
                let left = max(0, stride &* x &- padding)
                let right = min(columns, stride &* x &- padding &+ kernel)
                var greatest = -Float.infinity
                for column in left..<right { greatest = greater(greatest, line[column]) }
                to.pointee = greatest
                to += 1
              }
            }
          }
        }
      }
    }
  }  // [N, C, Y, X]
}
