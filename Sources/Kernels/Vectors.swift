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
