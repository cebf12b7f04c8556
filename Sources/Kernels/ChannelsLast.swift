import Tensors

// Feature maps with the channels innermost: all channels of a cell are contiguous, so what is
// done to every channel alike is done to a vector register's worth of them at once.

/// The same features, `[C, H, W]` as `[H, W, C]`.
public func channelsLast(_ features: Tensor) -> Tensor {
  precondition(features.shape.rank == 3, "a level's features are [C, H, W], not \(features.shape)")
  let (channels, rows, columns) = (features.shape[0], features.shape[1], features.shape[2])
  return Tensor(uninitialized: [rows, columns, channels]) { output in
    features.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(output))
      Threads.each(rows) { row in
        // Blocks of 16 x 16: both sides then use whole lines of the cache.
        for firstColumn in stride(from: 0, to: columns, by: 16) {
          for firstChannel in stride(from: 0, to: channels, by: 16) {
            let from = source.pointer + (firstChannel * rows + row) * columns + firstColumn
            let to = target.pointer + (row * columns + firstColumn) * channels + firstChannel
            if firstColumn + 16 <= columns, firstChannel + 16 <= channels {
              transpose(from, stride: rows * columns, to: to, stride: channels)
              continue
            }
            for column in 0..<min(16, columns - firstColumn) {
              for channel in 0..<min(16, channels - firstChannel) {
                to[column * channels + channel] = from[channel * rows * columns + column]
              }
            }
          }
        }
      }
    }
  }  // [H, W, C]
}

/// `sums[c] += a[c] * wa + b[c] * wb + d[c] * wd + e[c] * we`, for every channel c; each channel's
/// arithmetic in the order written, so that its bits are those of the plain loop.
public func addBilinear(
  _ a: UnsafePointer<Float>, _ wa: Float, _ b: UnsafePointer<Float>, _ wb: Float,
  _ d: UnsafePointer<Float>, _ wd: Float, _ e: UnsafePointer<Float>, _ we: Float,
  to sums: UnsafeMutablePointer<Float>, channels: Int
) {
  for c in 0..<channels { sums[c] += wa * a[c] + wb * b[c] + wd * d[c] + we * e[c] }
}

/// `greatest[c] = max(greatest[c], a[c] * wa + b[c] * wb + d[c] * wd + e[c] * we)`; a sample that
/// is NaN counts for nothing, as in Swift's `max`.
public func maximiseBilinear(
  _ a: UnsafePointer<Float>, _ wa: Float, _ b: UnsafePointer<Float>, _ wb: Float,
  _ d: UnsafePointer<Float>, _ wd: Float, _ e: UnsafePointer<Float>, _ we: Float,
  to greatest: UnsafeMutablePointer<Float>, channels: Int
) {
  for c in 0..<channels {
    let sample = wa * a[c] + wb * b[c] + wd * d[c] + we * e[c]
    greatest[c] = sample >= greatest[c] ? sample : greatest[c]
  }
}

/// `greatest[c] = max(greatest[c], a[c])`; NaN counts for nothing, as in Swift's `max`.
public func maximise(
  _ a: UnsafePointer<Float>, to greatest: UnsafeMutablePointer<Float>, channels: Int
) {
  for c in 0..<channels { greatest[c] = a[c] >= greatest[c] ? a[c] : greatest[c] }
}
