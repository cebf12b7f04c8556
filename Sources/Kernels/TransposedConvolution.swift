import Tensors

/// Transposed convolution whose kernel equals its stride, as in the mask head (2x2, stride 2):
/// every input cell becomes a K x K block of its own, and no blocks overlap.
///
///     y[n, o, K y + u, K x + v] = finish(sum over i of w[i, o, u, v] * x[n, i, y, x])
///
/// So it is a 1x1 convolution to `O K K` channels, whose channels are then laid out in space.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[I, O, K, K]`, PyTorch's layout
/// - Returns: `[N, O, K H, K W]`
public func transposedConvolution(
  _ input: Tensor, weight: Tensor, finish: Finish = Finish()
) -> Tensor {
  precondition(
    weight.shape.rank == 4 && weight.shape[2] == weight.shape[3]
      && input.shape.rank == 4 && input.shape[1] == weight.shape[0],
    "a transposed weight \(weight.shape) does not fit the input \(input.shape)")
  let (inputs, outputs, kernel) = (weight.shape[0], weight.shape[1], weight.shape[2])
  let taps = kernel * kernel
  var rows = Tensor([outputs * taps, inputs, 1, 1], repeating: 0)  // [O K K, I, 1, 1]
  for i in 0..<inputs {
    for row in 0..<outputs * taps {
      rows.values[row * inputs + i] = weight.values[i * outputs * taps + row]
    }
  }
  func spread(_ values: [Float]?) -> [Float]? {
    values.map { $0.flatMap { [Float](repeating: $0, count: taps) } }
  }
  let blocks = convolution(
    input, weight: rows,
    finish: Finish(
      scale: spread(finish.scale), shift: spread(finish.shift), rectified: finish.rectified)
  )  // [N, O K K, H, W]
  let (pictures, height, width) = (input.shape[0], input.shape[2], input.shape[3])
  return Tensor(uninitialized: [pictures, outputs, kernel * height, kernel * width]) { output in
    blocks.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(output))
      Threads.ranges(pictures * outputs) { range in
        for plane in range {
          for tap in 0..<taps {
            let (u, v) = tap.quotientAndRemainder(dividingBy: kernel)
            let from = source.pointer + (plane * taps + tap) * height * width
            let to = target.pointer + plane * taps * height * width
            for y in 0..<height {
              let row = to + (kernel * y + u) * kernel * width + v
              for x in 0..<width { row[kernel * x] = from[y * width + x] }
            }
          }
        }
      }
    }
  }  // [N, O, K H, K W]
}
