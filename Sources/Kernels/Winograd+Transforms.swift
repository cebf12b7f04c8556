// What Winograd's method does to the tiles before and after the products: `Bt d B` and `At m A`,
// for all tiles of a panel at once, one lane a tile.

/// How far the rows of a panel's cells lie apart: a panel's tiles, and room for sixteen more, so
/// that runs of tiles may be laid out sixteen at a time, each over the waste of the one before.
var cellPitch: Int { Tile.columns + 16 }

/// `Bt d B` for all tiles of a panel at once, one lane a tile; `half` has room for what is done
/// along the columns, 36 vectors.
func transformCells(
  _ cells: UnsafePointer<Float>, half: UnsafeMutablePointer<Float>,
  to target: UnsafeMutablePointer<Float>, placeStride: Int
) {
  // The condition is a constant: one of the three remains.
  if Tile.lanes == 16 {
    transformCells(cells, half, to: target, placeStride, SIMD16<Float>.self)
  } else if Tile.lanes == 8 {
    transformCells(cells, half, to: target, placeStride, SIMD8<Float>.self)
  } else {
    transformCells(cells, half, to: target, placeStride, SIMD4<Float>.self)
  }
}

@inline(__always)
private func transformCells<Vector: SIMD>(
  _ cells: UnsafePointer<Float>, _ half: UnsafeMutablePointer<Float>,
  to target: UnsafeMutablePointer<Float>, _ placeStride: Int,
  _: Vector.Type
) where Vector.Scalar == Float {
  let lanes = Vector.scalarCount
  for part in stride(from: 0, to: Tile.columns, by: lanes) {
    for v in 0..<6 {
      let column = forward { u -> Vector in
        load(cells + (6 &* u &+ v) &* cellPitch + part)
      }
      for u in 0..<6 { store(column[unchecked: u], to: half + (6 &* u &+ v) &* lanes) }
    }
    for u in 0..<6 {
      let row = forward { v -> Vector in load(half + (6 &* u &+ v) &* lanes) }
      for v in 0..<6 {
        store(row[unchecked: v], to: target + (6 &* u &+ v) &* placeStride + part)
      }
    }
  }
}

/// `Bt`: six values of the input at the six points.
@inline(__always)
func forward<Vector: SIMD>(
  _ d: (Int) -> Vector
) -> InlineArray<6, Vector> where Vector.Scalar == Float {
  let (d0, d1, d2, d3, d4, d5) = (d(0), d(1), d(2), d(3), d(4), d(5))
  let even = d4 - 4 * d2
  let odd = d3 - 4 * d1
  let evenOfTwo = d4 - d2
  let oddOfTwo = 2 * (d3 - d1)
  return [
    4 * d0 - 5 * d2 + d4, even + odd, even - odd, evenOfTwo + oddOfTwo, evenOfTwo - oddOfTwo,
    4 * d1 - 5 * d3 + d5,
  ]
}

/// `At m A` for all tiles of a panel at once, one lane a tile.
func transformSums(
  _ sums: UnsafePointer<Float>, half: UnsafeMutablePointer<Float>, placeStride: Int,
  to cells: UnsafeMutablePointer<Float>
) {
  if Tile.lanes == 16 {
    transformSums(sums, half, placeStride, to: cells, SIMD16<Float>.self)
  } else if Tile.lanes == 8 {
    transformSums(sums, half, placeStride, to: cells, SIMD8<Float>.self)
  } else {
    transformSums(sums, half, placeStride, to: cells, SIMD4<Float>.self)
  }
}

@inline(__always)
private func transformSums<Vector: SIMD>(
  _ sums: UnsafePointer<Float>, _ half: UnsafeMutablePointer<Float>, _ placeStride: Int,
  to cells: UnsafeMutablePointer<Float>,
  _: Vector.Type
) where Vector.Scalar == Float {
  let lanes = Vector.scalarCount
  for part in stride(from: 0, to: Tile.columns, by: lanes) {
    for v in 0..<6 {
      let column = backward { u -> Vector in
        load(sums + (6 &* u &+ v) &* placeStride + part)
      }
      for u in 0..<4 { store(column[unchecked: u], to: half + (6 &* u &+ v) &* lanes) }
    }
    for u in 0..<4 {
      let row = backward { v -> Vector in load(half + (6 &* u &+ v) &* lanes) }
      for v in 0..<4 { store(row[unchecked: v], to: cells + (4 &* u &+ v) &* cellPitch + part) }
    }
  }
}

/// `At`: four outputs from the products at the six points.
@inline(__always)
private func backward<Vector: SIMD>(
  _ m: (Int) -> Vector
) -> InlineArray<4, Vector> where Vector.Scalar == Float {
  let (m0, m1, m2, m3, m4, m5) = (m(0), m(1), m(2), m(3), m(4), m(5))
  let (sumOfOne, differenceOfOne) = (m1 + m2, m1 - m2)
  let (sumOfTwo, differenceOfTwo) = (m3 + m4, m3 - m4)
  return [
    m0 + sumOfOne + sumOfTwo, differenceOfOne + 2 * differenceOfTwo, sumOfOne + 4 * sumOfTwo,
    differenceOfOne + 8 * differenceOfTwo + m5,
  ]
}

/// Sixty-eight cells of a row, as the six cells of each of sixteen tiles, of which neighbours share
/// two: cell v of tile t is cell 4 t + v of the row.
@inline(__always)
func sortByFour(_ row: UnsafePointer<Float>, to cells: UnsafeMutablePointer<Float>) {
  let (a, b, c, d): (Sixteen, Sixteen, Sixteen, Sixteen) = (
    load(row), load(row + 16), load(row + 32), load(row + 48)
  )
  let (even, moreEven) = (evens(a, b), evens(c, d))
  let (odd, moreOdd) = (odds(a, b), odds(c, d))
  store(evens(even, moreEven), to: cells)
  store(evens(odd, moreOdd), to: cells + cellPitch)
  store(odds(even, moreEven), to: cells + 2 &* cellPitch)
  store(odds(odd, moreOdd), to: cells + 3 &* cellPitch)
  let (e, f, g, h): (Sixteen, Sixteen, Sixteen, Sixteen) = (
    load(row + 4), load(row + 20), load(row + 36), load(row + 52)
  )
  store(evens(evens(e, f), evens(g, h)), to: cells + 4 &* cellPitch)
  store(evens(odds(e, f), odds(g, h)), to: cells + 5 &* cellPitch)
}

/// Four cells of each of sixteen tiles, as a row of sixty-four.
@inline(__always)
func joinFour(_ cells: UnsafePointer<Float>, to row: UnsafeMutablePointer<Float>) {
  let (a, b, c, d): (Sixteen, Sixteen, Sixteen, Sixteen) = (
    load(cells), load(cells + cellPitch), load(cells + 2 &* cellPitch),
    load(cells + 3 &* cellPitch)
  )
  let (even, moreEven) = (interleavedLow(a, c), interleavedHigh(a, c))
  let (odd, moreOdd) = (interleavedLow(b, d), interleavedHigh(b, d))
  store(interleavedLow(even, odd), to: row)
  store(interleavedHigh(even, odd), to: row + 16)
  store(interleavedLow(moreEven, moreOdd), to: row + 32)
  store(interleavedHigh(moreEven, moreOdd), to: row + 48)
}
