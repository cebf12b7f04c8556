import Tensors

// The gradient of a 3 x 3 kernel of stride 1 by Winograd's method. The forward form computes a 4 x
// 4 block of the output from a 6 x 6 block d of the input and the kernel g as
//
//     Y = At [ (G g Gt) . (Bt d B) ] A                (. multiplies element by element)
//
// which is linear in g, so the gradient by g follows by transposing each step:
//
//     dg = Gt [ (A dY At) . (Bt d B) ] G
//
// Summed over all blocks before the last step, the products at each of the 36 places are a matrix
// product [O, T] by [T, I] over the T tiles: a quarter of the multiplications of the direct sum.
// `Bt`, `At` and `G` are those of `Winograd.swift`, and the price is the same: four to five bits.
//
// N images, I input channels, O output channels, T tiles of 4 x 4 outputs.

/// The gradient of a convolution with 3 x 3 kernels of stride 1 by its weight; the same sums as
/// `plainConvolutionWeightGradient` in a cheaper form.
///
/// - Parameters:
///   - input: `[N, I, H, W]`
///   - outputGradient: `[N, O, H + 2 p - 2, W + 2 p - 2]`
/// - Returns: `[O, I, 3, 3]`
public func winogradConvolutionWeightGradient(
  _ input: Tensor, outputGradient: Tensor, padding: Int = 0
) -> Tensor {
  let size = ConvolutionSize(
    input, outputGradient: outputGradient, kernelRows: 3, kernelColumns: 3, stride: 1,
    padding: padding, groups: 1)
  let shape: Shape = [size.outputs, size.inputs, 3, 3]
  guard input.count > 0, outputGradient.count > 0 else { return Tensor(shape, repeating: 0) }
  return Tensor(uninitialized: shape) { target in
    input.values.withUnsafeBufferPointer { cells in
      outputGradient.values.withUnsafeBufferPointer { gradient in
        guard let cells = cells.baseAddress, let gradient = gradient.baseAddress else { return }
        WinogradGradientWork(input.shape, outputGradient.shape, size)
          .run(input: cells, outputGradient: gradient, to: target)
      }
    }
  }  // [O, I, 3, 3]
}

/// One weight's gradient under way.
private struct WinogradGradientWork: Sendable {
  private let size: ConvolutionSize
  /// Tiles in a row, and rows of tiles, of one image.
  private let tileColumns, tileRows: Int
  /// The output's gradient, the rows of the products, and the input, their columns. Their lines are
  /// rows of tiles.
  private let left, right: PanelLayout

  init(_ input: Shape, _ output: Shape, _ size: ConvolutionSize) {
    self.size = size
    tileColumns = (size.outColumns + 3) / 4
    tileRows = (size.outRows + 3) / 4
    left = PanelLayout(
      shape: output, groups: 1, width: Tile.rows, laneTaps: 1,
      parts: [PanelLayout.Part(first: 0, step: 1, count: 4 * tileColumns)], kernelRows: 4,
      rowStep: 4, padding: 0)
    right = PanelLayout(
      shape: input, groups: 1, width: Tile.columns, laneTaps: 1,
      parts: [PanelLayout.Part(first: -size.padding, step: 1, count: 4 * tileColumns + 2)],
      kernelRows: 6, rowStep: 4, padding: size.padding)
  }

  /// The rows of tiles in a band: as many as keep the transformed tiles in the caches.
  private var linesPerBand: Int {
    let lanes = left.panels * left.width + right.panels * right.width
    let tiles = max(64, min(1024, 3_145_728 / (36 * lanes)))
    return max(1, tiles / tileColumns)
  }

  func run(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    let lines = size.images * tileRows
    let most = min(lines, linesPerBand) * tileColumns
    // Were the places a power of two apart, they would compete for the same lines of the caches.
    let (leftPanel, rightPanel) = (most * left.width + 16, most * right.width + 16)
    let leftPlace = left.panels * leftPanel + 48
    let rightPlace = right.panels * rightPanel + 48
    let tileSize = Tile.rows * Tile.columns
    let tilesOfPlace = left.panels * right.panels
    let transformed = UnsafeMutablePointer<Float>.allocateOnLine(36 * (leftPlace + rightPlace))
    let sums = UnsafeMutablePointer<Float>.allocateOnLine(36 * tilesOfPlace * tileSize)
    defer {
      transformed.deallocate()
      sums.deallocate()
    }
    let (cells, gradients) = (SharedReading(input), SharedReading(outputGradient))
    let (lefts, rights) = (Shared(transformed), Shared(transformed + 36 * leftPlace))
    let allSums = Shared(sums)
    let scratchOfLine = [left, right].map {
      $0.scratchFloats + $0.floats(rows: $0.kernelRows) + 16
    }
    for first in stride(from: 0, to: lines, by: linesPerBand) {
      let band = first..<min(lines, first + linesPerBand)
      let tiles = band.count * tileColumns
      Threads.each(left.panels + right.panels, scratch: (scratchOfLine.max() ?? 0) + 36 * 16) {
        panel, scratch in
        if panel < left.panels {
          transform(
            left, panel, band, from: gradients.pointer, to: lefts.pointer + panel * leftPanel,
            placeStride: leftPlace, scratch, spreadGradient)
        } else {
          let panel = panel - left.panels
          transform(
            right, panel, band, from: cells.pointer, to: rights.pointer + panel * rightPanel,
            placeStride: rightPlace, scratch, spreadInput)
        }
      }
      Threads.each(36 * right.panels) { job in
        let (place, panel) = job.quotientAndRemainder(dividingBy: right.panels)
        let columns = rights.pointer + place * rightPlace + panel * rightPanel
        for rowPanel in 0..<left.panels {
          let rows = lefts.pointer + place * leftPlace + rowPanel * leftPanel
          let tile =
            allSums.pointer
            + (place * tilesOfPlace + panel * left.panels + rowPanel) * tileSize
          for depth in stride(from: 0, to: tiles, by: Tile.depth) {
            accumulateTile(
              min(Tile.depth, tiles - depth), rows + depth * Tile.rows,
              columns + depth * Tile.columns, tile,
              rows: min(Tile.rows, size.outputs - rowPanel * Tile.rows),
              adds: first > 0 || depth > 0)
          }
        }
      }
    }
    store(sums, to: target)
  }

  /// Lays out the rows of tiles of a band, one after the other, and transforms each tile.
  private func transform(
    _ layout: PanelLayout, _ panel: Int, _ band: Range<Int>, from image: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>, placeStride: Int,
    _ scratch: UnsafeMutablePointer<Float>,
    _ spread: (
      UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void
  ) {
    let half = scratch
    let cells = half + 36 * 16
    let lines = cells + layout.floats(rows: layout.kernelRows) + 16
    let pitch = layout.cells * layout.width
    var to = target
    for line in band {
      let rows = Band(line..<line + 1, perImage: tileRows, layout).rows
      layout.pack(panel, rows: rows, from: image, to: cells, scratch: lines)
      for tile in 0..<tileColumns {
        spread(cells + 4 * tile * layout.width, pitch, to, placeStride, half)
        to += layout.width
      }
    }
  }

  /// `Gt m G` of the sums, stored as the weight's gradient, `[O, I, 3, 3]`.
  private func store(_ sums: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let tileSize = Tile.rows * Tile.columns
    let placeStride = left.panels * right.panels * tileSize
    let (sums, target) = (SharedReading(sums), Shared(target))
    Threads.each(size.outputs) { o in
      let (rowPanel, row) = o.quotientAndRemainder(dividingBy: Tile.rows)
      for panel in 0..<right.panels {
        let from = sums.pointer + (panel * left.panels + rowPanel) * tileSize + row * Tile.columns
        for part in stride(from: 0, to: Tile.columns, by: 8) {
          let channel = panel * Tile.columns + part
          let count = min(8, size.inputs - channel)
          guard count > 0 else { break }
          let kernel = gatherKernel(from + part, placeStride: placeStride)
          for tap in 0..<9 {
            for lane in 0..<count {
              target.pointer[(o * size.inputs + channel + lane) * 9 + tap] =
                kernel[unchecked: tap][lane]
            }
          }
        }
      }
    }
  }
}

/// `Bt d B` of one tile for all lanes of a panel.
private func spreadInput(
  _ cells: UnsafePointer<Float>, _ pitch: Int, _ target: UnsafeMutablePointer<Float>,
  _ placeStride: Int, _ half: UnsafeMutablePointer<Float>
) {
  for part in stride(from: 0, to: Tile.columns, by: 8) {
    for v in 0..<6 {
      let column = forward { u -> Eight in load(cells + u &* pitch + v &* Tile.columns + part) }
      for u in 0..<6 { store(column[unchecked: u], to: half + (6 &* u &+ v) &* 8) }
    }
    for u in 0..<6 {
      let row = forward { v -> Eight in load(half + (6 &* u &+ v) &* 8) }
      for v in 0..<6 {
        store(row[unchecked: v], to: target + (6 &* u &+ v) &* placeStride + part)
      }
    }
  }
}

/// `A y At` of one tile for all lanes of a panel. What goes beyond the panel's width is overwritten
/// by the next tile's.
private func spreadGradient(
  _ cells: UnsafePointer<Float>, _ pitch: Int, _ target: UnsafeMutablePointer<Float>,
  _ placeStride: Int, _ half: UnsafeMutablePointer<Float>
) {
  // The condition is a constant: one of the two remains.
  if Tile.rows > 8 {
    spreadGradient(cells, pitch, target, placeStride, half, SIMD16<Float>.self)
  } else {
    spreadGradient(cells, pitch, target, placeStride, half, SIMD8<Float>.self)
  }
}

@inline(__always)
private func spreadGradient<Vector: SIMD>(
  _ cells: UnsafePointer<Float>, _ pitch: Int, _ target: UnsafeMutablePointer<Float>,
  _ placeStride: Int, _ half: UnsafeMutablePointer<Float>, _: Vector.Type
) where Vector.Scalar == Float {
  let lanes = Vector.scalarCount
  for x in 0..<4 {
    let column = spread { y -> Vector in load(cells + y &* pitch + x &* Tile.rows) }
    for u in 0..<6 { store(column[unchecked: u], to: half + (4 &* u &+ x) &* lanes) }
  }
  for u in 0..<6 {
    let row = spread { x -> Vector in load(half + (4 &* u &+ x) &* lanes) }
    for v in 0..<6 { store(row[unchecked: v], to: target + (6 &* u &+ v) &* placeStride) }
  }
}

/// `A`: what four outputs give to the products at the six points, the transpose of `At`.
@inline(__always)
private func spread<Vector: SIMD>(
  _ y: (Int) -> Vector
) -> InlineArray<6, Vector> where Vector.Scalar == Float {
  let (y0, y1, y2, y3) = (y(0), y(1), y(2), y(3))
  let (evenOfOne, oddOfOne) = (y0 + y2, y1 + y3)
  let (evenOfTwo, oddOfTwo) = (y0 + 4 * y2, 2 * y1 + 8 * y3)
  return [
    y0, evenOfOne + oddOfOne, evenOfOne - oddOfOne, evenOfTwo + oddOfTwo,
    evenOfTwo - oddOfTwo, y3,
  ]
}

/// `Gt m G` of the sums at the 36 places, for eight inputs at once.
@inline(__always)
private func gatherKernel(
  _ sums: UnsafePointer<Float>, placeStride: Int
) -> InlineArray<9, Eight> {
  var half = InlineArray<18, Eight>(repeating: Eight())
  for v in 0..<6 {
    let column = gather { u -> Eight in load(sums + (6 &* u &+ v) &* placeStride) }
    for u in 0..<3 { half[6 &* u &+ v] = column[unchecked: u] }
  }
  var kernel = InlineArray<9, Eight>(repeating: Eight())
  for u in 0..<3 {
    let row = gather { v -> Eight in half[6 &* u &+ v] }
    for v in 0..<3 { kernel[3 &* u &+ v] = row[unchecked: v] }
  }
  return kernel
}

/// `Gt`: a kernel's line from the sums at the six points. Divisions, so that whole numbers that can
/// be divided stay exact.
@inline(__always)
private func gather(_ m: (Int) -> Eight) -> InlineArray<3, Eight> {
  let (sumOfOne, differenceOfOne) = (m(1) + m(2), m(2) - m(1))
  let (sumOfTwo, differenceOfTwo) = (m(3) + m(4), m(3) - m(4))
  return [
    m(0) / 4 - sumOfOne / 6 + sumOfTwo / 24, differenceOfOne / 6 + differenceOfTwo / 12,
    (sumOfTwo - sumOfOne) / 6 + m(5),
  ]
}
