import CVectorWidth
import Tensors

// The product C = A B of an [M, K] by a [K, N] matrix, blocked so that the innermost loop runs
// from the processor's registers and nearest cache.
//
// - A is packed once into panels of `Tile.rows` rows: the tile reads it front to back.
// - B is packed, a block of `Tile.depth` rows by some panels of `Tile.columns` columns at a time,
//   by whoever knows where B's elements are: a convolution gathers them from the image.
// - The tile holds `Tile.rows` x `Tile.columns` sums in registers over `Tile.depth` products each.
// - Whoever knows what C is takes the finished sums: adds the bias, rectifies, stores.
//
// The order of every sum is fixed by K and `Tile.depth` alone, never by the threads.

/// Gives the columns of B, packed for the tile.
protocol ColumnSource: Sendable {
  /// Writes rows `depth` of some columns to panels that lie behind each other: each has
  /// `Tile.columns` columns, row after row, with zeros behind the last column.
  func pack(_ columns: Range<Int>, depth: Range<Int>, to panels: UnsafeMutablePointer<Float>)
}

/// Takes finished elements of C.
protocol ProductSink: Sendable {
  /// Stores a row of tiles of C: in `sums`, tile after tile, each `Tile.rows` by `Tile.columns`.
  func store(rows: Range<Int>, columns: Range<Int>, sums: UnsafePointer<Float>)
  /// Asks for the memory in which a tile of C will be stored, so that it is near by then.
  func expect(rows: Range<Int>, columns: Range<Int>)
}

extension ProductSink {
  func expect(rows: Range<Int>, columns: Range<Int>) {}
}

/// The rows of A, packed into panels for the tile.
struct PackedRows: @unchecked Sendable {
  let rows: Int
  let depth: Int
  private let storage: PackedStorage

  /// Packs a row-major `[rows, depth]` matrix; or, if `transposed`, the transpose of a row-major
  /// `[depth, rows]` one. Layout: block of depth, panel of rows, depth, row.
  init(_ matrix: UnsafePointer<Float>, rows: Int, depth: Int, transposed: Bool = false) {
    let (rowStep, depthStep) = transposed ? (1, rows) : (depth, 1)
    self.rows = rows
    self.depth = depth
    let panels = (rows + Tile.rows - 1) / Tile.rows
    storage = PackedStorage(panels * Tile.rows * depth)
    let target = Shared(storage.pointer)
    let source = SharedReading(matrix)
    Threads.each(panels) { panel in
      let first = panel * Tile.rows
      let present = min(Tile.rows, rows - first)
      for block in stride(from: 0, to: depth, by: Tile.depth) {
        let length = min(Tile.depth, depth - block)
        var write =
          target.pointer + block * panels * Tile.rows + panel * Tile.rows * length
        for k in block..<block + length {
          let column = source.pointer + first * rowStep + k * depthStep
          for row in 0..<Tile.rows { write[row] = row < present ? column[row &* rowStep] : 0 }
          write += Tile.rows
        }
      }
    }
  }

  var panelCount: Int { (rows + Tile.rows - 1) / Tile.rows }

  /// Where the panel of some rows begins for the block of depth that begins at `block`.
  func panel(_ index: Int, block: Int, length: Int) -> UnsafePointer<Float> {
    UnsafePointer(storage.pointer + block * panelCount * Tile.rows + index * Tile.rows * length)
  }
}

private final class PackedStorage {
  let pointer: UnsafeMutablePointer<Float>

  init(_ count: Int) { pointer = .allocateOnLine(max(1, count)) }

  deinit { pointer.deallocate() }
}

/// The sizes of the innermost block, fitted to the width of the vector registers.
enum Tile {
  /// Floats in one vector register.
  static var lanes: Int { Int(VECTOR_FLOAT_LANES) }
  /// Whether one instruction multiplies and adds; without it `addProduct` is a call per lane.
  static var fuses: Bool { VECTOR_HAS_FUSED_MULTIPLY_ADD == 1 }
  /// 24 sums of 16 lanes, 12 of 8 or 16 of 4 fill the registers and leave room for operands.
  static var rows: Int { lanes == 16 ? 12 : lanes == 8 ? 6 : 8 }
  /// Two vectors.
  static var columns: Int { 2 * lanes }
  /// How many products are summed before the sums leave the registers.
  static var depth: Int { 256 }
  /// How many elements of B a job packs at most.
  static var packedFloats: Int { 131_072 }
  /// How many sums of a deep product may wait for its next block of depth.
  static var waitingSums: Int { 1_048_576 }
}

/// Computes C = A B in blocks, on all threads.
func packedProduct<Source: ColumnSource, Sink: ProductSink>(
  _ a: PackedRows, columns: Int, from source: Source, into sink: Sink
) {
  guard columns > 0, a.rows > 0 else { return }
  let panels = (columns + Tile.columns - 1) / Tile.columns
  let tileSize = Tile.rows * Tile.columns
  // Sums that one block of depth completes go straight on; others wait in memory for the next.
  let isDeep = a.depth > Tile.depth
  // Wide jobs read A less often and write longer lines, but what a job packs and sums up should
  // stay in the second-level cache, and every thread must have as much to do as the others.
  let packable = Tile.packedFloats / (min(max(a.depth, 1), Tile.depth) * Tile.columns)
  let summable = isDeep ? Tile.waitingSums / (a.panelCount * tileSize) : packable
  let widest = max(1, min(32, packable, summable))
  let (jobs, most) = Threads.jobs(panels, atMost: widest)
  let packedSize = most * Tile.depth * Tile.columns
  let waiting = isDeep ? most * a.panelCount : most
  Threads.each(jobs, scratch: packedSize + waiting * tileSize) { job, scratch in
    productBlock(
      a, panels: panels * job / jobs..<panels * (job + 1) / jobs, columns: columns, from: source,
      into: sink, packed: scratch, sums: scratch + packedSize)
  }
}

/// The columns of some panels: gathers B, sums the tiles over the whole depth, hands C on.
private func productBlock<Source: ColumnSource, Sink: ProductSink>(
  _ a: PackedRows, panels: Range<Int>, columns: Int, from source: Source, into sink: Sink,
  packed: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>
) {
  let tileSize = Tile.rows * Tile.columns
  let isDeep = a.depth > Tile.depth
  let all = panels.lowerBound * Tile.columns..<min(columns, panels.upperBound * Tile.columns)
  for block in stride(from: 0, to: max(a.depth, 1), by: Tile.depth) {
    let length = min(Tile.depth, a.depth - block)
    source.pack(all, depth: block..<block + length, to: packed)
    for rowPanel in 0..<a.panelCount {
      let rows = a.panel(rowPanel, block: block, length: length)
      let tiles = isDeep ? sums + rowPanel * panels.count * tileSize : sums
      let isLast = block + length == a.depth
      let first = rowPanel * Tile.rows
      let present = first..<min(a.rows, first + Tile.rows)
      for slot in 0..<panels.count {
        if isLast {
          let column = all.lowerBound + slot * Tile.columns
          sink.expect(rows: present, columns: column..<min(all.upperBound, column + Tile.columns))
        }
        accumulateTile(
          length, rows, packed + slot * length * Tile.columns, tiles + slot * tileSize,
          rows: present.count, adds: block > 0)
      }
      if isLast { sink.store(rows: present, columns: all, sums: tiles) }
    }
  }
}

/// The product of a `[Tile.rows, depth]` and a `[depth, Tile.columns]` panel, of which `rows` rows
/// count: stored in `sums` or added to what it holds.
///
/// With `runs`, the depth is `runs * depth`: the left panel's parts are contiguous, between the
/// right one's lie `gap` floats that are not read.
@inline(never)
func accumulateTile(
  _ depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  _ sums: UnsafeMutablePointer<Float>, rows: Int = Tile.rows, adds: Bool, runs: Int = 1,
  gap: Int = 0
) {
  // The outer conditions are constants: one of the three blocks remains.
  if Tile.lanes == 16 {
    if rows > 8 {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 12, SIMD16<Float>.self)
    } else if rows > 4 {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 8, SIMD16<Float>.self)
    } else {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 4, SIMD16<Float>.self)
    }
  } else if Tile.lanes == 8 {
    if rows > 4 {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 6, SIMD8<Float>.self)
    } else {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 4, SIMD8<Float>.self)
    }
  } else {
    if rows > 4 {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 8, SIMD4<Float>.self)
    } else {
      accumulate(depth, a, b, sums, adds: adds, runs, gap, rows: 4, SIMD4<Float>.self)
    }
  }
}

@inline(__always)
private func accumulate<Vector: SIMD>(
  _ depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  _ sums: UnsafeMutablePointer<Float>, adds: Bool, _ runs: Int, _ gap: Int, rows: Int,
  _: Vector.Type
) where Vector.Scalar == Float {
  var tile = TileSums<Vector>()
  var left = a
  var right = b
  for _ in 0..<runs {
    for _ in 0..<depth {
      tile.add(left, load(right), load(right + Vector.scalarCount), rows: rows)
      left += Tile.rows
      right += 2 &* Vector.scalarCount
    }
    right += gap
  }
  tile.store(to: sums, adds: adds, rows: rows)
}

/// One row of a tile: two vectors of sums.
private struct RowSums<Vector: SIMD> where Vector.Scalar == Float {
  var first = Vector()
  var second = Vector()

  @inline(__always)
  mutating func add(_ factor: Float, _ right0: Vector, _ right1: Vector) {
    let factors = Vector(repeating: factor)
    if Tile.fuses {
      first.addProduct(factors, right0)
      second.addProduct(factors, right1)
    } else {
      first += factors * right0
      second += factors * right1
    }
  }

  @inline(__always)
  func store(to target: UnsafeMutablePointer<Float>, adds: Bool) {
    let width = Vector.scalarCount
    if adds {
      let (before0, before1): (Vector, Vector) = (load(target), load(target + width))
      Kernels.store(before0 + first, to: target)
      Kernels.store(before1 + second, to: target + width)
    } else {
      Kernels.store(first, to: target)
      Kernels.store(second, to: target + width)
    }
  }
}

/// A tile's sums, in registers from first to last. Written out row by row, because the compiler clears
/// an array in memory before it moves it into registers, every time.
private struct TileSums<Vector: SIMD> where Vector.Scalar == Float {
  private typealias Row = RowSums<Vector>
  private var row0 = Row(), row1 = Row(), row2 = Row(), row3 = Row()
  private var row4 = Row(), row5 = Row(), row6 = Row(), row7 = Row()
  private var row8 = Row(), row9 = Row(), row10 = Row(), row11 = Row()

  /// Adds a column of A times a row of B. `rows` is a constant where this is inlined: 4, 6, 8, 12.
  @inline(__always)
  mutating func add(
    _ left: UnsafePointer<Float>, _ right0: Vector, _ right1: Vector, rows: Int
  ) {
    row0.add(left[0], right0, right1)
    row1.add(left[1], right0, right1)
    row2.add(left[2], right0, right1)
    row3.add(left[3], right0, right1)
    guard rows > 4 else { return }
    row4.add(left[4], right0, right1)
    row5.add(left[5], right0, right1)
    guard rows > 6 else { return }
    row6.add(left[6], right0, right1)
    row7.add(left[7], right0, right1)
    guard rows > 8 else { return }
    row8.add(left[8], right0, right1)
    row9.add(left[9], right0, right1)
    row10.add(left[10], right0, right1)
    row11.add(left[11], right0, right1)
  }

  /// Stores the sums row after row, or adds them to what is stored there.
  @inline(__always)
  func store(to target: UnsafeMutablePointer<Float>, adds: Bool, rows: Int) {
    let width = 2 * Vector.scalarCount
    row0.store(to: target, adds: adds)
    row1.store(to: target + width, adds: adds)
    row2.store(to: target + 2 * width, adds: adds)
    row3.store(to: target + 3 * width, adds: adds)
    guard rows > 4 else { return }
    row4.store(to: target + 4 * width, adds: adds)
    row5.store(to: target + 5 * width, adds: adds)
    guard rows > 6 else { return }
    row6.store(to: target + 6 * width, adds: adds)
    row7.store(to: target + 7 * width, adds: adds)
    guard rows > 8 else { return }
    row8.store(to: target + 8 * width, adds: adds)
    row9.store(to: target + 9 * width, adds: adds)
    row10.store(to: target + 10 * width, adds: adds)
    row11.store(to: target + 11 * width, adds: adds)
  }
}
