import Tensors

/// Max pooling: the greatest of each K x K window; cells outside the picture do not count.
///
///     y[n, c, y, x] = max over u, v of x[n, c, s y - p + u, s x - p + v]
///
/// - Parameter input: `[N, C, H, W]`
/// - Returns: `[N, C, Y, X]`
public func maxPool(_ input: Tensor, kernel: Int, stride: Int, padding: Int = 0) -> Tensor {
  precondition(input.shape.rank == 4 && 2 * padding <= kernel, "no pooling of \(input.shape)")
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
                maximise(from + row &* columns, to: line, channels: columns)
              }
              for x in 0..<outColumns {
                let left = max(0, stride &* x &- padding)
                let right = min(columns, stride &* x &- padding &+ kernel)
                var greatest = -Float.infinity
                for column in left..<right { greatest = max(greatest, line[column]) }
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
