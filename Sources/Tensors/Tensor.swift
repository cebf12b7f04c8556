/// An array of 32-bit floats of any rank, row-major, with value semantics.
///
/// Feature maps are `[N, C, H, W]`; parameters have the layout that PyTorch gives them, so a
/// convolution's weight is `[out, in / groups, kernel rows, kernel columns]`.
public struct Tensor: Sendable, Equatable {
  /// The extent of each axis.
  public let shape: Shape
  /// The elements in row-major order; `shape.count` of them.
  public var values: [Float]

  /// Makes a tensor from its elements in row-major order.
  ///
  /// - Precondition: `values.count == shape.count`.
  public init(_ shape: Shape, _ values: [Float]) {
    precondition(
      values.count == shape.count, "\(values.count) values cannot fill a tensor of \(shape)")
    self.shape = shape
    self.values = values
  }

  /// Makes a tensor whose elements all have one value.
  public init(_ shape: Shape, repeating value: Float) {
    self.shape = shape
    self.values = [Float](repeating: value, count: shape.count)
  }

  /// Makes a tensor whose elements `initialize` writes, every one of them, into raw memory.
  public init(
    uninitialized shape: Shape, _ initialize: (UnsafeMutablePointer<Float>) -> Void
  ) {
    self.shape = shape
    self.values = [Float](unsafeUninitializedCapacity: shape.count) { buffer, count in
      if let base = buffer.baseAddress, !buffer.isEmpty { initialize(base) }
      count = shape.count
    }
  }

  /// The number of elements.
  public var count: Int { values.count }

  /// The element at a position, one index per axis.
  public subscript(position: Int...) -> Float {
    get { values[offset(position)] }
    set { values[offset(position)] = newValue }
  }

  /// The element of a matrix, `[I, J]`. Makes no array of the position, as the general form does.
  @inlinable
  public subscript(i: Int, j: Int) -> Float {
    get { values[offset(i, j)] }
    set { values[offset(i, j)] = newValue }
  }

  /// The element of a tensor of four axes, `[N, C, H, W]`. Makes no array of the position, as the
  /// general form does.
  @inlinable
  public subscript(n: Int, c: Int, y: Int, x: Int) -> Float {
    get { values[offset(n, c, y, x)] }
    set { values[offset(n, c, y, x)] = newValue }
  }

  @inlinable @inline(__always)
  func offset(_ i: Int, _ j: Int) -> Int {
    precondition(shape.rank == 2, "a position of 2 indices in a tensor of another rank")
    precondition(
      i >= 0 && i < shape[0] && j >= 0 && j < shape[1], "the position lies outside the tensor")
    return i &* shape[1] &+ j
  }

  @inlinable @inline(__always)
  func offset(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Int {
    precondition(shape.rank == 4, "a position of 4 indices in a tensor of another rank")
    precondition(
      n >= 0 && n < shape[0] && c >= 0 && c < shape[1] && y >= 0 && y < shape[2] && x >= 0
        && x < shape[3], "the position lies outside the tensor")
    return ((n &* shape[1] &+ c) &* shape[2] &+ y) &* shape[3] &+ x
  }

  private func offset(_ position: [Int]) -> Int {
    precondition(position.count == shape.rank, "\(position) is no position in \(shape)")
    var offset = 0
    for (index, extent) in zip(position, shape.extents) {
      precondition(index >= 0 && index < extent, "\(position) lies outside \(shape)")
      offset = offset * extent + index
    }
    return offset
  }

  /// The same elements under another shape of the same count.
  public func reshaped(_ shape: Shape) -> Tensor {
    Tensor(shape, values)
  }

  /// The part of the tensor at one index of the outermost axis: `t.slice(2)` is `t[2]` of NumPy.
  public func slice(_ index: Int) -> Tensor {
    precondition(shape.rank > 0 && index >= 0 && index < shape[0], "no slice \(index) in \(shape)")
    let inner = Shape(Array(shape.extents.dropFirst()))
    return Tensor(inner, Array(values[index * inner.count..<(index + 1) * inner.count]))
  }

  /// A tensor with every element mapped.
  public func map(_ transform: (Float) -> Float) -> Tensor {
    Tensor(shape, values.map(transform))
  }

  /// Least, greatest and mean of the finite elements, and how many are not finite. The three
  /// numbers are 0 for an empty tensor, NaN where no element is finite. The mean is summed in
  /// Double.
  public var statistics: Statistics {
    guard !values.isEmpty else { return Statistics(minimum: 0, maximum: 0, mean: 0) }
    return values.withUnsafeBytes { bytes in
      // Eight of everything: a trace asks this of some fifty million elements.
      typealias Lanes = SIMD8<Float>
      var least = Lanes(repeating: .infinity)
      var greatest = Lanes(repeating: -.infinity)
      var (lowSums, highSums) = (SIMD4<Double>.zero, SIMD4<Double>.zero)
      var finite = SIMD8<Int32>.zero
      let whole = count / Lanes.scalarCount * Lanes.scalarCount
      for index in stride(from: 0, to: whole, by: Lanes.scalarCount) {
        let lanes = bytes.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Float>.stride, as: Lanes.self)
        // A NaN compares with nothing.
        let isFinite =
          (lanes .< Lanes(repeating: .infinity)) .& (lanes .> Lanes(repeating: -.infinity))
        least.replace(with: lanes, where: isFinite .& (lanes .< least))
        greatest.replace(with: lanes, where: isFinite .& (lanes .> greatest))
        let summed = Lanes.zero.replacing(with: lanes, where: isFinite)
        lowSums += SIMD4<Double>(summed.lowHalf)
        highSums += SIMD4<Double>(summed.highHalf)
        finite.replace(with: finite &+ 1, where: isFinite)
      }
      var (minimum, maximum) = (Float.infinity, -Float.infinity)
      var sum = (lowSums + highSums).sum()
      var finiteCount = finite.indices.reduce(0) { $0 + Int(finite[$1]) }
      for lane in least.indices {
        minimum = min(minimum, least[lane])
        maximum = max(maximum, greatest[lane])
      }
      for value in values[whole...] where value.isFinite {
        minimum = min(minimum, value)
        maximum = max(maximum, value)
        sum += Double(value)
        finiteCount += 1
      }
      guard finiteCount > 0 else {
        return Statistics(minimum: .nan, maximum: .nan, mean: .nan, nonFinite: count)
      }
      return Statistics(
        minimum: minimum, maximum: maximum, mean: Float(sum / Double(finiteCount)),
        nonFinite: count - finiteCount)
    }
  }

  /// Whether no element is NaN or infinite.
  public var isFinite: Bool {
    values.withUnsafeBufferPointer { buffer in
      // No early exit: the loop over the bits runs on vectors.
      var worst: UInt32 = 0
      for value in buffer { worst = Swift.max(worst, value.bitPattern & 0x7fff_ffff) }
      return worst < 0x7f80_0000
    }
  }
}

/// The range and mean of a tensor's finite elements.
public struct Statistics: Sendable, Equatable {
  /// The least finite element.
  public let minimum: Float
  /// The greatest finite element.
  public let maximum: Float
  /// The arithmetic mean of the finite elements.
  public let mean: Float
  /// How many elements are NaN or infinite.
  public let nonFinite: Int

  /// Makes statistics from their numbers.
  public init(minimum: Float, maximum: Float, mean: Float, nonFinite: Int = 0) {
    self.minimum = minimum
    self.maximum = maximum
    self.mean = mean
    self.nonFinite = nonFinite
  }
}
