import Tensors

// The forward operations once more in 64 bits, written by themselves for the tests: central
// differences of them are right to some ten digits, where those of 32-bit operations would have
// three.

/// An array of doubles in row-major order.
package struct DoubleTensor {
  package let shape: [Int]
  package var values: [Double]

  package init(_ shape: [Int], repeating value: Double = 0) {
    self.shape = shape
    values = [Double](repeating: value, count: shape.reduce(1, *))
  }

  package init(_ shape: [Int], _ values: [Double]) { (self.shape, self.values) = (shape, values) }

  package init(_ tensor: Tensor) {
    self.init(tensor.shape.extents, tensor.values.map { Double($0) })
  }

  package subscript(_ place: Int...) -> Double {
    get { values[offset(place)] }
    set { values[offset(place)] = newValue }
  }

  private func offset(_ place: [Int]) -> Int {
    zip(shape, place).reduce(0) { $0 * $1.0 + $1.1 }
  }
}

/// `sum of a * b`: a loss whose gradient by `a` is `b`.
package func inner(_ a: DoubleTensor, _ b: Tensor) -> Double {
  zip(a.values, b.values).reduce(0) { $0 + $1.0 * Double($1.1) }
}

/// As of a loss of plain numbers.
package func centralError(
  of operation: String, _ gradient: Tensor, at point: Tensor, loss: (DoubleTensor) -> Double
) -> Double {
  centralError(of: operation, gradient, at: point) { values in
    loss(DoubleTensor(point.shape.extents, values))
  }
}

package enum DoubleReference {
  package static func convolution(
    _ x: DoubleTensor, _ w: DoubleTensor, stride: Int, padding: Int, groups: Int
  ) -> DoubleTensor {
    let rows = (x.shape[2] + 2 * padding - w.shape[2]) / stride + 1
    let columns = (x.shape[3] + 2 * padding - w.shape[3]) / stride + 1
    let perGroup = w.shape[1]
    var y = DoubleTensor([x.shape[0], w.shape[0], rows, columns])
    for n in 0..<x.shape[0] {
      for o in 0..<w.shape[0] {
        let first = o / (w.shape[0] / groups) * perGroup
        for row in 0..<rows {
          for column in 0..<columns {
            for i in 0..<perGroup {
              for u in 0..<w.shape[2] {
                for v in 0..<w.shape[3] {
                  let (h, k) = (stride * row - padding + u, stride * column - padding + v)
                  guard h >= 0, h < x.shape[2], k >= 0, k < x.shape[3] else { continue }
                  y[n, o, row, column] += x[n, first + i, h, k] * w[o, i, u, v]
                }
              }
            }
          }
        }
      }
    }
    return y
  }

  package static func transposedConvolution(_ x: DoubleTensor, _ w: DoubleTensor) -> DoubleTensor {
    let kernel = w.shape[2]
    var y = DoubleTensor([x.shape[0], w.shape[1], kernel * x.shape[2], kernel * x.shape[3]])
    for n in 0..<x.shape[0] {
      for i in 0..<x.shape[1] {
        for o in 0..<w.shape[1] {
          for row in 0..<y.shape[2] {
            for column in 0..<y.shape[3] {
              y[n, o, row, column] +=
                x[n, i, row / kernel, column / kernel] * w[i, o, row % kernel, column % kernel]
            }
          }
        }
      }
    }
    return y
  }

  package static func linear(_ x: DoubleTensor, _ w: DoubleTensor) -> DoubleTensor {
    var y = DoubleTensor([x.shape[0], w.shape[0]])
    for r in 0..<x.shape[0] {
      for o in 0..<w.shape[0] {
        for i in 0..<x.shape[1] { y[r, o] += x[r, i] * w[o, i] }
      }
    }
    return y
  }

  package static func maxPool(
    _ x: DoubleTensor, kernel: Int, stride: Int, padding: Int
  ) -> DoubleTensor {
    let rows = (x.shape[2] + 2 * padding - kernel) / stride + 1
    let columns = (x.shape[3] + 2 * padding - kernel) / stride + 1
    var y = DoubleTensor([x.shape[0], x.shape[1], rows, columns], repeating: -.infinity)
    for n in 0..<x.shape[0] {
      for c in 0..<x.shape[1] {
        for row in 0..<rows {
          for column in 0..<columns {
            for u in 0..<kernel {
              for v in 0..<kernel {
                let (h, k) = (stride * row - padding + u, stride * column - padding + v)
                guard h >= 0, h < x.shape[2], k >= 0, k < x.shape[3] else { continue }
                y[n, c, row, column] = max(y[n, c, row, column], x[n, c, h, k])
              }
            }
          }
        }
      }
    }
    return y
  }

  package static func resizeNearest(_ x: DoubleTensor, rows: Int, columns: Int) -> DoubleTensor {
    var y = DoubleTensor([x.shape[0], x.shape[1], rows, columns])
    for n in 0..<x.shape[0] {
      for c in 0..<x.shape[1] {
        for row in 0..<rows {
          for column in 0..<columns {
            y[n, c, row, column] =
              x[n, c, row * x.shape[2] / rows, column * x.shape[3] / columns]
          }
        }
      }
    }
    return y
  }

  /// `scale[c] * x + shift[c] + added`, then perhaps a ReLU.
  package static func finish(
    _ x: DoubleTensor, scale: DoubleTensor, shift: DoubleTensor, adding: DoubleTensor,
    rectified: Bool
  ) -> DoubleTensor {
    var y = x
    let plane = x.shape.dropFirst(2).reduce(1, *)
    for index in y.values.indices {
      let c = index / plane % x.shape[1]
      let value = x.values[index] * scale[c] + shift[c] + adding.values[index]
      y.values[index] = rectified ? max(0, value) : value
    }
    return y
  }

  /// Batch norm by given statistics, or by the batch's own.
  package static func batchNorm(
    _ x: DoubleTensor, weight: DoubleTensor, bias: DoubleTensor, mean: DoubleTensor? = nil,
    variance: DoubleTensor? = nil, epsilon: Double
  ) -> DoubleTensor {
    let plane = x.shape.dropFirst(2).reduce(1, *)
    var y = x
    for c in 0..<x.shape[1] {
      let places = x.values.indices.filter { $0 / plane % x.shape[1] == c }
      let count = Double(places.count)
      let middle = mean?[c] ?? places.reduce(0) { $0 + x.values[$1] } / count
      let spread =
        variance?[c]
        ?? places.reduce(0) { $0 + (x.values[$1] - middle) * (x.values[$1] - middle) } / count
      for place in places {
        y.values[place] =
          (x.values[place] - middle) / (spread + epsilon).squareRoot() * weight[c] + bias[c]
      }
    }
    return y
  }
}
