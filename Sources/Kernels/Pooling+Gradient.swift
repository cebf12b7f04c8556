import Tensors

/// The gradient of max pooling: each window sends its gradient to the one cell that was its
/// greatest,
///
///     dX[n, c, h, w] = sum over the windows whose greatest cell is (h, w) of dY[n, c, y, x]
///
/// Of equal cells the first in the window counts, in row-major order; of NaN the last, as in
/// PyTorch. This is the definition; `maxPoolGradient` computes the same faster.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, Y, X]`
///   - input: `[N, C, H, W]`
/// - Returns: dX, `[N, C, H, W]`
public func plainMaxPoolGradient(
  _ outputGradient: Tensor, input: Tensor, kernel: Int, stride: Int, padding: Int = 0
) -> Tensor {
  checkPoolGradient(outputGradient, input, kernel: kernel, stride: stride, padding: padding)
  let (rows, columns) = (input.shape[2], input.shape[3])
  let channels = input.shape[1]
  let planes = Threads.map(input.shape[0] * channels) { plane in
    let (n, c) = plane.quotientAndRemainder(dividingBy: channels)
    var gradient = Tensor([rows, columns], repeating: 0)
    for y in 0..<outputGradient.shape[2] {
      for x in 0..<outputGradient.shape[3] {
        var greatest = -Float.infinity
        var place: (row: Int, column: Int)?
        for row in max(0, stride * y - padding)..<min(rows, stride * y - padding + kernel) {
          for column in max(0, stride * x - padding)..<min(columns, stride * x - padding + kernel) {
            let cell = input[n, c, row, column]
            if cell > greatest || cell.isNaN || place == nil {
              (greatest, place) = (cell, (row, column))
            }
          }
        }
        if let place { gradient[place.row, place.column] += outputGradient[n, c, y, x] }
      }
    }
    return gradient.values
  }
  return Tensor(input.shape, planes.flatMap { $0 })  // [N, C, H, W]
}

private func checkPoolGradient(
  _ outputGradient: Tensor, _ input: Tensor, kernel: Int, stride: Int, padding: Int
) {
  precondition(
    input.shape.rank == 4 && 2 * padding <= kernel
      && outputGradient.shape.extents == [
        input.shape[0], input.shape[1],
        convolvedExtent(input.shape[2], kernel: kernel, stride: stride, padding: padding),
        convolvedExtent(input.shape[3], kernel: kernel, stride: stride, padding: padding),
      ], "an output \(outputGradient.shape) is not what a pool makes of \(input.shape)")
}

/// The gradient of max pooling, the same numbers as `plainMaxPoolGradient`, a line of windows at a
/// time; or, if `KernelForm.current` says so, the definition.
///
/// - Parameters:
///   - outputGradient: dY, `[N, C, Y, X]`
///   - input: `[N, C, H, W]`
/// - Returns: dX, `[N, C, H, W]`
public func maxPoolGradient(
  _ outputGradient: Tensor, input: Tensor, kernel: Int, stride: Int, padding: Int = 0
) -> Tensor {
  if KernelForm.current == .plain {
    return plainMaxPoolGradient(
      outputGradient, input: input, kernel: kernel, stride: stride, padding: padding)
  }
  checkPoolGradient(outputGradient, input, kernel: kernel, stride: stride, padding: padding)
  let (rows, columns) = (input.shape[2], input.shape[3])
  let (outRows, outColumns) = (outputGradient.shape[2], outputGradient.shape[3])
  guard input.count > 0, outputGradient.count > 0 else {
    return Tensor(input.shape, repeating: 0)
  }
  return Tensor(uninitialized: input.shape) { target in
    target.initialize(repeating: 0, count: input.count)
    input.values.withUnsafeBufferPointer { cells in
      outputGradient.values.withUnsafeBufferPointer { gradients in
        guard let cells = cells.baseAddress, let gradients = gradients.baseAddress else { return }
        let (source, gradient) = (SharedReading(cells), SharedReading(gradients))
        let target = Shared(target)
        Threads.ranges(input.shape[0] * input.shape[1]) { range in
          var windows = WindowLine(
            count: outColumns, columns: columns, kernel: kernel, stride: stride, padding: padding)
          for plane in range {
            let image = source.pointer + plane * rows * columns
            let to = target.pointer + plane * rows * columns
            var from = gradient.pointer + plane * outRows * outColumns
            for y in 0..<outRows {
              let top = stride * y - padding
              windows.find(image, rows: max(0, top)..<min(rows, top + kernel))
              windows.scatter(from, to: to)
              from += outColumns
            }
          }
        }
      }
    }
  }  // [N, C, H, W]
}

/// A line of windows: the greatest cell of each and its place.
private struct WindowLine {
  private var greatest: [Float]
  private var places: [Int32]
  /// For each of the kernel's columns, the windows whose cell there lies in the image.
  private let inside: [Range<Int>]
  private let columns, stride, padding: Int

  init(count: Int, columns: Int, kernel: Int, stride: Int, padding: Int) {
    greatest = [Float](repeating: 0, count: count)
    places = [Int32](repeating: 0, count: count)
    (self.columns, self.stride, self.padding) = (columns, stride, padding)
    inside = (0..<kernel).map { v in
      let first = v < padding ? (padding - v + stride - 1) / stride : 0
      let end = columns + padding > v ? (columns + padding - v - 1) / stride + 1 : 0
      return min(first, count)..<max(min(first, count), min(end, count))
    }
  }

  /// Finds the greatest cell of every window, all windows at once for each cell of the kernel.
  mutating func find(_ image: UnsafePointer<Float>, rows: Range<Int>) {
    let (columns, stride, padding, inside) = (self.columns, self.stride, self.padding, self.inside)
    greatest.withUnsafeMutableBufferPointer { greatest in
      places.withUnsafeMutableBufferPointer { places in
        for x in 0..<greatest.count {
          greatest[x] = -.infinity
          // The first cell, in case none is greater.
          places[x] = Int32(rows.lowerBound * columns + max(0, stride * x - padding))
        }
        for row in rows {
          for (v, windows) in inside.enumerated() {
            let first = row &* columns &- padding &+ v
            for x in windows {
              let place = first &+ stride &* x
              let cell = image[place]
              let isGreater = cell > greatest[x] || cell.isNaN
              greatest[x] = isGreater ? cell : greatest[x]
              places[x] = isGreater ? Int32(truncatingIfNeeded: place) : places[x]
            }
          }
        }
      }
    }
  }

  /// Adds each window's gradient where its greatest cell is.
  func scatter(_ gradients: UnsafePointer<Float>, to cells: UnsafeMutablePointer<Float>) {
    places.withUnsafeBufferPointer { places in
      for x in 0..<places.count { cells[Int(places[x])] += gradients[x] }
    }
  }
}
