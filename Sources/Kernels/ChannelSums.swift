import Tensors

// Sums over all positions of a channel, as the gradients of a bias and of a norm need them. They
// may have millions of terms, so they are kept in 64 bits, and so that this costs nothing, some
// hundred terms at a time are summed in 32.

/// The sum of each channel, `s[c] = sum over n, y, x of t[n, c, y, x]`: the gradient of a bias,
/// given the gradient of the output it was added to. The definition.
///
/// - Parameter tensor: `[N, C, …]`; a linear layer's `[R, O]` too
/// - Returns: `[C]`
public func plainChannelSums(_ tensor: Tensor) -> Tensor {
  precondition(tensor.shape.rank >= 2, "channels are the second axis; \(tensor.shape) has none")
  let channels = tensor.shape[1]
  let plane = tensor.shape.extents.dropFirst(2).reduce(1, *)
  let sums = (0..<channels).map { c in
    var sum = 0.0
    for n in 0..<tensor.shape[0] {
      for cell in 0..<plane { sum += Double(tensor.values[(n * channels + c) * plane + cell]) }
    }
    return Float(sum)
  }
  return Tensor([channels], sums)  // [C]
}

/// The sum of each channel, as `plainChannelSums`, eight terms at a time; or, if
/// `KernelForm.current` says so, by the definition.
///
/// - Parameter tensor: `[N, C, …]`; a linear layer's `[R, O]` too
/// - Returns: `[C]`
public func channelSums(_ tensor: Tensor) -> Tensor {
  if KernelForm.current == .plain { return plainChannelSums(tensor) }
  precondition(tensor.shape.rank >= 2, "channels are the second axis; \(tensor.shape) has none")
  let (count, channels) = (tensor.shape[0], tensor.shape[1])
  let plane = tensor.shape.extents.dropFirst(2).reduce(1, *)
  guard tensor.count > 0 else { return Tensor([channels], repeating: 0) }
  return Tensor(uninitialized: [channels]) { sums in
    tensor.values.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      let (source, target) = (SharedReading(base), Shared(sums))
      guard plane > 1 else { return sumRows(source, rows: count, columns: channels, to: target) }
      Threads.each(channels) { c in
        var sum = 0.0
        for n in 0..<count {
          let cells = source.pointer + (n * channels + c) * plane
          sum += longSum(plane, eight: { load(cells + $0) }, one: { cells[$0] })
        }
        target.pointer[c] = Float(sum)
      }
    }
  }  // [C]
}

/// The columns of a row-major matrix, summed.
private func sumRows(
  _ matrix: SharedReading<Float>, rows: Int, columns: Int, to sums: Shared<Float>
) {
  // Sixteen columns a job: a line of the cache of every row.
  Threads.each((columns + 15) / 16) { job in
    let range = 16 * job..<min(columns, 16 * job + 16)
    var totals = [Double](repeating: 0, count: range.count)
    for row in 0..<rows {
      let line = matrix.pointer + row * columns + range.lowerBound
      for j in 0..<range.count { totals[j] += Double(line[j]) }
    }
    for (column, total) in zip(range, totals) { sums.pointer[column] = Float(total) }
  }
}

/// The sum of many terms: eight at a time, at most 32 to a lane before the lanes go over into 64
/// bits.
///
/// - Parameters:
///   - eight: the terms from an index on
///   - one: the term at an index
@inline(__always)
func longSum(_ count: Int, eight: (Int) -> Eight, one: (Int) -> Float) -> Double {
  var total = SIMD8<Double>()
  var index = 0
  while index &+ 8 <= count {
    let end = min(index &+ 256, count &- 7)
    var part = Eight()
    while index < end {
      part += eight(index)
      index &+= 8
    }
    total += SIMD8<Double>(part)
  }
  var sum = total.sum()
  while index < count {
    sum += Double(one(index))
    index &+= 1
  }
  return sum
}
