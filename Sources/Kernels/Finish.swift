import Tensors

/// What follows a convolution or a linear layer before its result is stored: a scale and a shift
/// per output channel (a bias, or a frozen batch norm) and perhaps a ReLU.
public struct Finish: Sendable, Equatable {
  /// Factor per output channel; nil for 1.
  public var scale: [Float]?
  /// Summand per output channel; nil for 0.
  public var shift: [Float]?
  /// Whether negative results become 0.
  public var rectified: Bool

  /// Makes a finish from its parts.
  public init(scale: [Float]? = nil, shift: [Float]? = nil, rectified: Bool = false) {
    self.scale = scale
    self.shift = shift
    self.rectified = rectified
  }

  /// One sum, finished; `added` is what a residual connection brings.
  func callAsFunction(_ sum: Float, channel: Int, adding added: Float = 0) -> Float {
    let result = sum * (scale?[channel] ?? 1) + (shift?[channel] ?? 0) + added
    // Written so that NaN passes through.
    return rectified && result < 0 ? 0 : result
  }

  /// The same for each of some channels, with nothing left to look up.
  func channels(_ count: Int) -> [ChannelFinish] {
    (0..<count).map {
      ChannelFinish(
        scale: scale?[$0] ?? 1, shift: shift?[$0] ?? 0, floor: rectified ? 0 : -.infinity)
    }
  }
}

/// A finish for the sums of one channel: `max(sum * scale + shift + added, floor)`.
struct ChannelFinish {
  let scale, shift, floor: Float

  /// Finishes `count` contiguous sums.
  @inline(__always)
  func apply(
    _ count: Int, _ sums: UnsafePointer<Float>, adding added: UnsafePointer<Float>?,
    to target: UnsafeMutablePointer<Float>
  ) {
    let least = SIMD8<Float>(repeating: floor)
    var j = 0
    while j &+ 8 <= count {
      let sum: SIMD8<Float> = load(sums + j)
      var value = sum * scale + shift
      if let added {
        let other: SIMD8<Float> = load(added + j)
        value += other
      }
      // Written so that NaN passes through.
      store(value.replacing(with: least, where: value .< least), to: target + j)
      j = j &+ 8
    }
    while j < count {
      let value = sums[j] * scale + shift + (added.map { $0[j] } ?? 0)
      target[j] = value < floor ? floor : value
      j = j &+ 1
    }
  }
}
