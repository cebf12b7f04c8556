import CVectorWidth
import Tensors

// The product C = A B of an [M, K] by a [K, N] matrix, blocked so that the innermost loop runs
// from the processor's registers and nearest cache.
//
// - A is packed once into panels of `tileRows` rows: the tile reads it front to back.
// - B is packed, a block of `depthBlock` rows by some panels of `tileColumns` columns at a time,
//   by whoever knows where B's elements are: a convolution gathers them from the picture.
// - The tile holds `tileRows` x `tileColumns` sums in registers over `depthBlock` products each.
// - Whoever knows what C is takes the finished sums: adds the bias, rectifies, stores.
//
// The order of every sum is fixed by K and `depthBlock` alone, never by the threads.

/// Gives the columns of B, packed for the tile.
protocol ColumnSource: Sendable {
  /// Writes rows `depth` of columns `column..<column + count` to `panel`, row after row, each row
  /// `tileColumns` long, with zeros behind the last column.
  func pack(
    column: Int, count: Int, depth: Range<Int>, panel: UnsafeMutablePointer<Float>)
}

/// Takes finished elements of C.
protocol ProductSink: Sendable {
  /// Stores row `row` of columns `column..<column + count`, which stand at `sums`.
  func store(row: Int, column: Int, count: Int, sums: UnsafePointer<Float>)
}

/// The rows of A, packed into panels for the tile.
struct PackedRows: @unchecked Sendable {
  let rows: Int
  let depth: Int
  private let storage: PackedStorage

  /// Packs a row-major `[rows, depth]` matrix. Layout: block of depth, panel of rows, depth, row.
  init(_ matrix: UnsafePointer<Float>, rows: Int, depth: Int) {
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
          for row in 0..<Tile.rows {
            write[row] = row < present ? source.pointer[(first + row) * depth + k] : 0
          }
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

  init(_ count: Int) { pointer = .allocate(capacity: max(1, count)) }

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
}

/// Computes C = A B in blocks, on all threads.
func packedProduct<Source: ColumnSource, Sink: ProductSink>(
  _ a: PackedRows, columns: Int, from source: Source, into sink: Sink
) {
  guard columns > 0, a.rows > 0 else { return }
  let panels = (columns + Tile.columns - 1) / Tile.columns
  // Wide blocks read A less often; but every thread must have some, and the sums of a block
  // should stay in the second-level cache.
  let widest = max(1, min(8, 131_072 / (a.panelCount * Tile.rows * Tile.columns)))
  let perJob = max(1, min(widest, panels / (3 * Threads.count)))
  let jobs = (panels + perJob - 1) / perJob
  Threads.each(jobs) { job in
    let first = job * perJob
    let count = min(perJob, panels - first)
    productBlock(
      a, panels: first..<first + count, columns: columns, from: source, into: sink)
  }
}

/// The columns of some panels: gathers B, sums the tiles over the whole depth, hands C on.
private func productBlock<Source: ColumnSource, Sink: ProductSink>(
  _ a: PackedRows, panels: Range<Int>, columns: Int, from source: Source, into sink: Sink
) {
  let tileSize = Tile.rows * Tile.columns
  let packed = UnsafeMutablePointer<Float>.allocate(
    capacity: panels.count * Tile.depth * Tile.columns)
  let sums = UnsafeMutablePointer<Float>.allocate(
    capacity: panels.count * a.panelCount * tileSize)
  defer {
    packed.deallocate()
    sums.deallocate()
  }
  sums.initialize(repeating: 0, count: panels.count * a.panelCount * tileSize)
  for block in stride(from: 0, to: a.depth, by: Tile.depth) {
    let length = min(Tile.depth, a.depth - block)
    for (slot, panel) in panels.enumerated() {
      let column = panel * Tile.columns
      source.pack(
        column: column, count: min(Tile.columns, columns - column), depth: block..<block + length,
        panel: packed + slot * length * Tile.columns)
    }
    for rowPanel in 0..<a.panelCount {
      let rows = a.panel(rowPanel, block: block, length: length)
      for slot in 0..<panels.count {
        accumulateTile(
          length, rows, packed + slot * length * Tile.columns,
          sums + (slot * a.panelCount + rowPanel) * tileSize)
      }
    }
  }
  for (slot, panel) in panels.enumerated() {
    let column = panel * Tile.columns
    let count = min(Tile.columns, columns - column)
    for row in 0..<a.rows {
      let tile = sums + (slot * a.panelCount + row / Tile.rows) * tileSize
      sink.store(
        row: row, column: column, count: count, sums: tile + row % Tile.rows * Tile.columns)
    }
  }
}

/// Adds the product of a `[Tile.rows, depth]` and a `[depth, Tile.columns]` panel to `sums`.
@inline(never)
func accumulateTile(
  _ depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  _ sums: UnsafeMutablePointer<Float>
) {
  // The condition is a constant: one of the three remains.
  if Tile.lanes == 16 {
    accumulate(depth, a, b, sums, rows: 12, SIMD16<Float>.self)
  } else if Tile.lanes == 8 {
    accumulate(depth, a, b, sums, rows: 6, SIMD8<Float>.self)
  } else {
    accumulate(depth, a, b, sums, rows: 8, SIMD4<Float>.self)
  }
}

@inline(__always)
private func accumulate<Vector: SIMD>(
  _ depth: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
  _ sums: UnsafeMutablePointer<Float>, rows: Int, _: Vector.Type
) where Vector.Scalar == Float {
  let bytes = MemoryLayout<Vector>.stride
  var registers = InlineArray<24, Vector>(repeating: Vector())
  var left = a
  var right = UnsafeRawPointer(b)
  for _ in 0..<depth {
    let right0 = right.loadUnaligned(as: Vector.self)
    let right1 = right.loadUnaligned(fromByteOffset: bytes, as: Vector.self)
    for row in 0..<rows {
      let factor = Vector(repeating: left[row])
      if Tile.fuses {
        registers[unchecked: 2 &* row].addProduct(factor, right0)
        registers[unchecked: 2 &* row &+ 1].addProduct(factor, right1)
      } else {
        registers[unchecked: 2 &* row] += factor * right0
        registers[unchecked: 2 &* row &+ 1] += factor * right1
      }
    }
    left += rows
    right += 2 &* bytes
  }
  var target = UnsafeMutableRawPointer(sums)
  for index in 0..<2 &* rows {
    target.storeBytes(
      of: target.loadUnaligned(as: Vector.self) + registers[unchecked: index], as: Vector.self)
    target += bytes
  }
}
