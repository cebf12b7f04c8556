import Tensors

// Convolution with 3 x 3 kernels of stride 1 by Winograd's minimal filtering F(4 x 4, 3 x 3). Lavin
// and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", section 4.
//
// A 4 x 4 block of the output needs a 6 x 6 block d of the input and the kernel g. Done directly it
// costs 16 * 9 = 144 multiplications. But with the matrices below
//
//     Y = At [ (G g Gt) . (Bt d B) ] A                (. multiplies element by element)
//
// costs 36: polynomials of degree 5 are multiplied by their values at the six points 0, 1, -1, 2,
// -2 and infinity. Summed over input channels, the products at each of the 36 places are a matrix
// product of their own, [O, I] by [I, tiles]; so four times fewer multiplications, in 36 packed
// matrix products, and the transforms before and after cost little beside them.
//
// The price: sums and differences of values multiplied by up to 8 lose about two bits more than the
// direct sum does.
//
// N pictures, I input channels, O output channels, H W rows and columns, T tiles of 4 x 4 outputs.

/// Whether `winogradConvolution` can compute a convolution, and gains by it: the transforms of a
/// channel must be repaid by products with many others.
func suitsWinograd(_ size: ConvolutionSize) -> Bool {
  size.kernelRows == 3 && size.kernelColumns == 3 && size.stride == 1 && size.groups == 1
    && size.inputs >= 16 && size.outputs >= 16 && size.outRows * size.outColumns >= 16
}

/// Two-dimensional convolution with a 3 x 3 kernel of stride 1; the same sums as `plainConvolution`
/// in a cheaper form.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - weight: `[O, I, 3, 3]`
/// - Returns: `[N, O, H + 2 p - 2, W + 2 p - 2]`
public func winogradConvolution(
  _ input: Tensor, weight: Tensor, finish: Finish = Finish(), padding: Int = 0
) -> Tensor {
  let size = ConvolutionSize(input, weight, stride: 1, padding: padding, groups: 1)
  precondition(
    size.kernelRows == 3 && size.kernelColumns == 3, "the kernel is 3 x 3, not \(weight.shape)")
  let kernels = transformedKernels(weight)
  // Whole tiles, whatever the output's size.
  let padded = zeroPadded(
    input, by: padding, rows: max(size.rows + padding, (size.outRows + 3) / 4 * 4 + 2),
    columns: max(size.columns + padding, (size.outColumns + 3) / 4 * 4 + 2))
  return Tensor(uninitialized: [size.pictures, size.outputs, size.outRows, size.outColumns]) {
    output in
    padded.values.withUnsafeBufferPointer { picture in
      guard let picture = picture.baseAddress else { return }
      let work = WinogradWork(
        picture: picture, rows: padded.shape[2], columns: padded.shape[3], output: output,
        kernels: kernels, size: size, finish: finish)
      work.run()
    }
  }  // [N, O, Y, X]
}

/// The kernels' values at the 36 places: `G g Gt`, as 36 packed `[O, I]` matrices.
private func transformedKernels(_ weight: Tensor) -> [PackedRows] {
  let (outputs, inputs) = (weight.shape[0], weight.shape[1])
  let pairs = outputs * inputs
  let transformed = UnsafeMutablePointer<Float>.allocate(capacity: max(1, 36 * pairs))
  defer { transformed.deallocate() }
  weight.values.withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { return }
    let (source, target) = (SharedReading(base), Shared(transformed))
    Threads.ranges(pairs, atLeast: 256) { range in
      for pair in range {
        let g = source.pointer + 9 * pair
        // G g: each column of the kernel at the six points; then the same along its rows.
        var half = InlineArray<18, Float>(repeating: 0)
        for column in 0..<3 {
          let values = atPoints(g[column], g[3 + column], g[6 + column])
          for point in 0..<6 { half[3 * point + column] = values[point] }
        }
        for point in 0..<6 {
          let values = atPoints(half[3 * point], half[3 * point + 1], half[3 * point + 2])
          for other in 0..<6 {
            target.pointer[(6 * point + other) * pairs + pair] = values[other]
          }
        }
      }
    }
  }
  return (0..<36).map { place in
    PackedRows(transformed + place * pairs, rows: outputs, depth: inputs)
  }
}

/// One row of `G`: a kernel's line (a, b, c) at the six points, scaled so that `At` and `Bt` hold
/// whole numbers.
@inline(__always)
private func atPoints(_ a: Float, _ b: Float, _ c: Float) -> InlineArray<6, Float> {
  [
    a / 4, -(a + b + c) / 6, -(a - b + c) / 6, (a + 2 * b + 4 * c) / 24,
    (a - 2 * b + 4 * c) / 24, c,
  ]
}

/// One convolution under way: what all threads read, and where they write.
private struct WinogradWork: @unchecked Sendable {
  /// The padded picture, `[N, I, rows, columns]`.
  let picture: UnsafePointer<Float>
  let rows, columns: Int
  let output: UnsafeMutablePointer<Float>
  let kernels: [PackedRows]
  let size: ConvolutionSize
  let finish: Finish
  /// Tiles in a row, and rows of tiles, of one picture.
  let tileColumns, tileRows: Int
  /// Panels of tiles that one job takes: more of them read the kernels less often.
  let panelsPerJob: Int

  init(
    picture: UnsafePointer<Float>, rows: Int, columns: Int, output: UnsafeMutablePointer<Float>,
    kernels: [PackedRows], size: ConvolutionSize, finish: Finish
  ) {
    (self.picture, self.rows, self.columns) = (picture, rows, columns)
    (self.output, self.kernels) = (output, kernels)
    (self.size, self.finish) = (size, finish)
    tileColumns = (size.outColumns + 3) / 4
    tileRows = (size.outRows + 3) / 4
    let panels = (size.pictures * tileRows * tileColumns + Tile.columns - 1) / Tile.columns
    panelsPerJob = max(1, min(4, panels / (3 * Threads.count)))
  }

  var tiles: Int { size.pictures * tileRows * tileColumns }

  func run() {
    let perJob = panelsPerJob * Tile.columns
    Threads.each((tiles + perJob - 1) / perJob) { job in
      block(tiles: job * perJob..<min(tiles, (job + 1) * perJob))
    }
  }

  /// Some tiles, over all channels: transform, multiply at the 36 places, transform back.
  private func block(tiles range: Range<Int>) {
    let panels = (range.count + Tile.columns - 1) / Tile.columns
    let (inputs, rowPanels) = (size.inputs, kernels[0].panelCount)
    let tileSize = Tile.rows * Tile.columns
    // [place, panel, I, tile]
    let values = UnsafeMutablePointer<Float>.allocate(
      capacity: 36 * panels * inputs * Tile.columns)
    // [place, panel, panel of outputs, output, tile]
    let sums = UnsafeMutablePointer<Float>.allocate(capacity: 36 * panels * rowPanels * tileSize)
    defer {
      values.deallocate()
      sums.deallocate()
    }
    for panel in 0..<panels {
      let first = range.lowerBound + panel * Tile.columns
      transformInput(
        tiles: first..<min(range.upperBound, first + Tile.columns),
        to: values + panel * inputs * Tile.columns, placeStride: panels * inputs * Tile.columns)
    }
    sums.initialize(repeating: 0, count: 36 * panels * rowPanels * tileSize)
    for place in 0..<36 {
      for depth in stride(from: 0, to: inputs, by: Tile.depth) {
        let length = min(Tile.depth, inputs - depth)
        for rowPanel in 0..<rowPanels {
          let rows = kernels[place].panel(rowPanel, block: depth, length: length)
          for panel in 0..<panels {
            accumulateTile(
              length, rows,
              values + ((place * panels + panel) * inputs + depth) * Tile.columns,
              sums + ((place * panels + panel) * rowPanels + rowPanel) * tileSize)
          }
        }
      }
    }
    for panel in 0..<panels {
      let first = range.lowerBound + panel * Tile.columns
      transformOutput(
        tiles: first..<min(range.upperBound, first + Tile.columns),
        from: sums + panel * rowPanels * tileSize, placeStride: panels * rowPanels * tileSize)
    }
  }

  /// Tiles that lie beside each other in one row of tiles.
  private struct Run {
    /// The first one's place in its panel.
    let slot: Int
    let count: Int
    /// The picture, and the row and column of the first one's first output.
    let n, y, x: Int
  }

  private func runs(of range: Range<Int>) -> [Run] {
    var runs: [Run] = []
    var tile = range.lowerBound
    while tile < range.upperBound {
      let (n, inPicture) = tile.quotientAndRemainder(dividingBy: tileRows * tileColumns)
      let (row, column) = inPicture.quotientAndRemainder(dividingBy: tileColumns)
      let count = min(tileColumns - column, range.upperBound - tile)
      runs.append(
        Run(slot: tile - range.lowerBound, count: count, n: n, y: 4 * row, x: 4 * column))
      tile += count
    }
    return runs
  }

  /// `Bt d B` of a panel of tiles, every input channel: six rows of six places, each a row of
  /// `Tile.columns` tiles.
  private func transformInput(
    tiles range: Range<Int>, to target: UnsafeMutablePointer<Float>, placeStride: Int
  ) {
    // The 6 x 6 input cells of every tile, cell after cell.
    let cells = UnsafeMutablePointer<Float>.allocate(capacity: 36 * Tile.columns)
    defer { cells.deallocate() }
    cells.initialize(repeating: 0, count: 36 * Tile.columns)
    let runs = runs(of: range)
    for channel in 0..<size.inputs {
      for run in runs { gather(run, channel: channel, to: cells + run.slot) }
      transformCells(cells, to: target + channel * Tile.columns, placeStride: placeStride)
    }
  }

  /// Lays out the 6 x 6 input cells of a run of tiles: a row of tiles for each cell.
  @inline(__always)
  private func gather(_ run: Run, channel: Int, to cells: UnsafeMutablePointer<Float>) {
    let plane = (run.n * size.inputs + channel) * rows
    for u in 0..<6 {
      let source = picture + (plane + run.y + u) * columns + run.x
      let target = cells + 6 * u * Tile.columns
      for j in 0..<run.count {
        target[j] = source[4 &* j]
        target[Tile.columns &+ j] = source[4 &* j &+ 1]
        target[2 &* Tile.columns &+ j] = source[4 &* j &+ 2]
        target[3 &* Tile.columns &+ j] = source[4 &* j &+ 3]
      }
      // Neighbouring tiles share two columns.
      for j in 0..<run.count {
        target[4 &* Tile.columns &+ j] = source[4 &* j &+ 4]
        target[5 &* Tile.columns &+ j] = source[4 &* j &+ 5]
      }
    }
  }

  /// `At m A` of a panel of tiles, every output channel, finished and stored.
  private func transformOutput(
    tiles range: Range<Int>, from sums: UnsafePointer<Float>, placeStride: Int
  ) {
    // The 4 x 4 outputs of every tile, output after output.
    let cells = UnsafeMutablePointer<Float>.allocate(capacity: 16 * Tile.columns)
    defer { cells.deallocate() }
    let runs = runs(of: range)
    for channel in 0..<size.outputs {
      finishCells(
        sums + channel * Tile.columns, placeStride: placeStride, to: cells,
        scale: finish.scale?[channel] ?? 1, shift: finish.shift?[channel] ?? 0,
        floor: finish.rectified ? 0 : -.infinity)
      for run in runs { scatter(run, channel: channel, from: cells + run.slot) }
    }
  }

  /// Stores the 4 x 4 outputs of a run of tiles, as far as they lie inside.
  @inline(__always)
  private func scatter(_ run: Run, channel: Int, from cells: UnsafePointer<Float>) {
    let plane = (run.n * size.outputs + channel) * size.outRows
    // All tiles but perhaps the last are whole.
    let whole = min(run.count, (size.outColumns - run.x) / 4)
    for u in 0..<min(4, size.outRows - run.y) {
      let target = output + (plane + run.y + u) * size.outColumns + run.x
      let source = cells + 4 * u * Tile.columns
      for j in 0..<whole {
        target[4 &* j] = source[j]
        target[4 &* j &+ 1] = source[Tile.columns &+ j]
        target[4 &* j &+ 2] = source[2 &* Tile.columns &+ j]
        target[4 &* j &+ 3] = source[3 &* Tile.columns &+ j]
      }
      if whole < run.count {
        for v in 0..<size.outColumns - run.x - 4 * whole {
          target[4 * whole + v] = source[v * Tile.columns + whole]
        }
      }
    }
  }
}

/// `Bt d B` for all tiles of a panel at once, one lane a tile.
private func transformCells(
  _ cells: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, placeStride: Int
) {
  // The condition is a constant: one of the three remains.
  if Tile.lanes == 16 {
    transformCells(cells, to: target, placeStride, SIMD16<Float>.self)
  } else if Tile.lanes == 8 {
    transformCells(cells, to: target, placeStride, SIMD8<Float>.self)
  } else {
    transformCells(cells, to: target, placeStride, SIMD4<Float>.self)
  }
}

@inline(__always)
private func transformCells<Vector: SIMD>(
  _ cells: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, _ placeStride: Int,
  _: Vector.Type
) where Vector.Scalar == Float {
  for part in stride(from: 0, to: Tile.columns, by: Vector.scalarCount) {
    var half = InlineArray<36, Vector>(repeating: Vector())
    for v in 0..<6 {
      let column = forward { u -> Vector in
        load(cells + (6 &* u &+ v) &* Tile.columns + part)
      }
      for u in 0..<6 { half[unchecked: 6 &* u &+ v] = column[unchecked: u] }
    }
    for u in 0..<6 {
      let row = forward { half[unchecked: 6 &* u &+ $0] }
      for v in 0..<6 {
        store(row[unchecked: v], to: target + (6 &* u &+ v) &* placeStride + part)
      }
    }
  }
}

/// `Bt`: six values of the input at the six points.
@inline(__always)
private func forward<Vector: SIMD>(
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

/// `At m A` for all tiles of a panel at once, scaled, shifted and rectified.
private func finishCells(
  _ sums: UnsafePointer<Float>, placeStride: Int, to cells: UnsafeMutablePointer<Float>,
  scale: Float, shift: Float, floor: Float
) {
  if Tile.lanes == 16 {
    finishCells(sums, placeStride, to: cells, scale, shift, floor, SIMD16<Float>.self)
  } else if Tile.lanes == 8 {
    finishCells(sums, placeStride, to: cells, scale, shift, floor, SIMD8<Float>.self)
  } else {
    finishCells(sums, placeStride, to: cells, scale, shift, floor, SIMD4<Float>.self)
  }
}

@inline(__always)
private func finishCells<Vector: SIMD>(
  _ sums: UnsafePointer<Float>, _ placeStride: Int, to cells: UnsafeMutablePointer<Float>,
  _ scale: Float, _ shift: Float, _ floor: Float, _: Vector.Type
) where Vector.Scalar == Float {
  let least = Vector(repeating: floor)
  for part in stride(from: 0, to: Tile.columns, by: Vector.scalarCount) {
    var half = InlineArray<24, Vector>(repeating: Vector())
    for v in 0..<6 {
      let column = backward { u -> Vector in
        load(sums + (6 &* u &+ v) &* placeStride + part)
      }
      for u in 0..<4 { half[unchecked: 6 &* u &+ v] = column[unchecked: u] }
    }
    for u in 0..<4 {
      let row = backward { half[unchecked: 6 &* u &+ $0] }
      for v in 0..<4 {
        let value = row[unchecked: v] * scale + shift
        // Written so that NaN passes through.
        store(
          value.replacing(with: least, where: value .< least),
          to: cells + (4 &* u &+ v) &* Tile.columns + part)
      }
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

@inline(__always)
private func load<Vector: SIMD>(_ pointer: UnsafePointer<Float>) -> Vector
where Vector.Scalar == Float {
  UnsafeRawPointer(pointer).loadUnaligned(as: Vector.self)
}

@inline(__always)
private func store<Vector: SIMD>(_ value: Vector, to pointer: UnsafeMutablePointer<Float>)
where Vector.Scalar == Float {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Vector.self)
}
