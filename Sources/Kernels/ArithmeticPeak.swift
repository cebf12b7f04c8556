import Dispatch

/// How many multiplications and additions a second this machine can do, measured: the innermost
/// tile of the matrix product on operands that never leave the first-level cache, on all threads.
///
/// - Returns: billions of multiplications and additions a second (a fused one counts as two)
public func measuredArithmeticPeak() -> Double {
  let depth = 128
  let repetitions = 40_000
  func once() -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    Threads.each(Threads.count) { _ in
      let a = UnsafeMutablePointer<Float>.allocate(capacity: depth * Tile.rows)
      let b = UnsafeMutablePointer<Float>.allocate(capacity: depth * Tile.columns)
      let sums = UnsafeMutablePointer<Float>.allocate(capacity: Tile.rows * Tile.columns)
      defer {
        a.deallocate()
        b.deallocate()
        sums.deallocate()
      }
      a.initialize(repeating: 0, count: depth * Tile.rows)
      b.initialize(repeating: 0, count: depth * Tile.columns)
      sums.initialize(repeating: 0, count: Tile.rows * Tile.columns)
      for _ in 0..<repetitions { accumulateTile(depth, a, b, sums, adds: false) }
    }
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) * 1e-9
    let operations = 2.0 * Double(repetitions * depth * Tile.rows * Tile.columns * Threads.count)
    return operations / seconds * 1e-9
  }
  return (0..<5).map { _ in once() }.max() ?? 0
}
