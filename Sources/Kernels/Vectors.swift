// Moves between vectors, written with constant indices: the compiler makes one shuffle of each.

/// The vector that a kernel's inner loop loads from anywhere.
@inline(__always)
func load<Vector: SIMD>(_ pointer: UnsafePointer<Float>) -> Vector where Vector.Scalar == Float {
  UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

/// Stores a vector anywhere.
@inline(__always)
func store<Vector: SIMD>(_ value: Vector, to pointer: UnsafeMutablePointer<Float>)
where Vector.Scalar == Float {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Vector.self)
}

/// Sixteen floats, whatever the width of the registers.
typealias Sixteen = SIMD16<Float>

/// Elements 0, 2, 4, … of a and b behind each other.
@inline(__always)
func evens(_ a: Sixteen, _ b: Sixteen) -> Sixteen {
  Sixteen(
    a[0], a[2], a[4], a[6], a[8], a[10], a[12], a[14],
    b[0], b[2], b[4], b[6], b[8], b[10], b[12], b[14])
}

/// Elements 1, 3, 5, … of a and b behind each other.
@inline(__always)
func odds(_ a: Sixteen, _ b: Sixteen) -> Sixteen {
  Sixteen(
    a[1], a[3], a[5], a[7], a[9], a[11], a[13], a[15],
    b[1], b[3], b[5], b[7], b[9], b[11], b[13], b[15])
}

/// The first halves of a and b in turn: a0, b0, a1, b1, …
@inline(__always)
func interleavedLow(_ a: Sixteen, _ b: Sixteen) -> Sixteen {
  Sixteen(
    a[0], b[0], a[1], b[1], a[2], b[2], a[3], b[3],
    a[4], b[4], a[5], b[5], a[6], b[6], a[7], b[7])
}

/// The second halves of a and b in turn: a8, b8, a9, b9, …
@inline(__always)
func interleavedHigh(_ a: Sixteen, _ b: Sixteen) -> Sixteen {
  Sixteen(
    a[8], b[8], a[9], b[9], a[10], b[10], a[11], b[11],
    a[12], b[12], a[13], b[13], a[14], b[14], a[15], b[15])
}

/// Transposes 16 x 16 floats: row r, column c comes to row c, column r. Interleaving the upper and
/// the lower half of the rows turns the eight bits of (r, c) by one place; four times swap r and c.
@inline(__always)
func transpose(
  _ source: UnsafePointer<Float>, stride sourceStride: Int,
  to target: UnsafeMutablePointer<Float>, stride targetStride: Int
) {
  var rows = InlineArray<16, Sixteen> { load(source + $0 &* sourceStride) }
  for _ in 0..<4 {
    let before = rows
    for i in 0..<8 {
      rows[unchecked: 2 &* i] = interleavedLow(before[unchecked: i], before[unchecked: i &+ 8])
      rows[unchecked: 2 &* i &+ 1] = interleavedHigh(
        before[unchecked: i], before[unchecked: i &+ 8])
    }
  }
  for row in 0..<16 { store(rows[unchecked: row], to: target + row &* targetStride) }
}

/// Eight floats, whatever the width of the registers.
typealias Eight = SIMD8<Float>

/// Transposes 8 x 8 floats: row r, column c comes to row c, column r. The rows of the result are
/// stored in their order. Each step exchanges parts of twice the size within pairs of rows: single
/// elements, pairs, halves; the first two stay within halves, as 256-bit registers have it.
@inline(__always)
func transposeEight(
  _ source: UnsafePointer<Float>, stride sourceStride: Int,
  to target: UnsafeMutablePointer<Float>, stride targetStride: Int
) {
  @inline(__always)
  func row(_ index: Int) -> Eight { load(source + index &* sourceStride) }
  let (a, b) = transposeFour(row(0), row(1), row(2), row(3))
  let (c, d) = transposeFour(row(4), row(5), row(6), row(7))
  store(Eight(lowHalf: a.0.lowHalf, highHalf: c.0.lowHalf), to: target)
  store(Eight(lowHalf: a.1.lowHalf, highHalf: c.1.lowHalf), to: target + targetStride)
  store(Eight(lowHalf: b.0.lowHalf, highHalf: d.0.lowHalf), to: target + 2 &* targetStride)
  store(Eight(lowHalf: b.1.lowHalf, highHalf: d.1.lowHalf), to: target + 3 &* targetStride)
  store(Eight(lowHalf: a.0.highHalf, highHalf: c.0.highHalf), to: target + 4 &* targetStride)
  store(Eight(lowHalf: a.1.highHalf, highHalf: c.1.highHalf), to: target + 5 &* targetStride)
  store(Eight(lowHalf: b.0.highHalf, highHalf: d.0.highHalf), to: target + 6 &* targetStride)
  store(Eight(lowHalf: b.1.highHalf, highHalf: d.1.highHalf), to: target + 7 &* targetStride)
}

/// Columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of four rows of eight.
@inline(__always)
private func transposeFour(
  _ a: Eight, _ b: Eight, _ c: Eight, _ d: Eight
) -> ((Eight, Eight), (Eight, Eight)) {
  @inline(__always)
  func low(_ a: Eight, _ b: Eight) -> Eight {
    Eight(a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5])
  }
  @inline(__always)
  func high(_ a: Eight, _ b: Eight) -> Eight {
    Eight(a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7])
  }
  @inline(__always)
  func lowPairs(_ a: Eight, _ b: Eight) -> Eight {
    Eight(a[0], a[1], b[0], b[1], a[4], a[5], b[4], b[5])
  }
  @inline(__always)
  func highPairs(_ a: Eight, _ b: Eight) -> Eight {
    Eight(a[2], a[3], b[2], b[3], a[6], a[7], b[6], b[7])
  }
  let (ab, abHigh) = (low(a, b), high(a, b))
  let (cd, cdHigh) = (low(c, d), high(c, d))
  return (
    (lowPairs(ab, cd), highPairs(ab, cd)), (lowPairs(abHigh, cdHigh), highPairs(abHigh, cdHigh))
  )
}
