import Tensors

// The packed form of a convolution's gradient by its weight: for each place (u, v) of the kernel a
// matrix product [O, N Y X] by [N Y X, I], whose sums run over the positions. With the channels
// innermost (`ChannelPanels.swift`), the cells that a place reads along a row of the output are
// contiguous, so that the innermost tile of `packedProduct` needs no patches.
//
// Each sum is the sum of its parts over some hundred positions, which keeps more digits than adding
// product after product would. The parts depend on the extents alone, never on the threads.

/// The gradient of a convolution by its weight, the same sums as `plainConvolutionWeightGradient`,
/// as matrix products.
///
/// Parameters and result as in `convolutionWeightGradient`.
public func packedConvolutionWeightGradient(
  _ input: Tensor, outputGradient: Tensor, kernelRows: Int, kernelColumns: Int, stride: Int = 1,
  padding: Int = 0, groups: Int = 1
) -> Tensor {
  let size = ConvolutionSize(
    input, outputGradient: outputGradient, kernelRows: kernelRows, kernelColumns: kernelColumns,
    stride: stride, padding: padding, groups: groups)
  let shape: Shape = [size.outputs, size.inputsPerGroup, kernelRows, kernelColumns]
  guard input.count > 0, outputGradient.count > 0 else { return Tensor(shape, repeating: 0) }
  return Tensor(uninitialized: shape) { target in
    input.values.withUnsafeBufferPointer { cells in
      outputGradient.values.withUnsafeBufferPointer { gradient in
        guard let cells = cells.baseAddress, let gradient = gradient.baseAddress else { return }
        let work = WeightGradientWork(input.shape, outputGradient.shape, size)
        work.run(input: cells, outputGradient: gradient, to: target)
      }
    }
  }  // [O, I / G, K, K]
}

/// One weight's gradient under way.
private struct WeightGradientWork: Sendable {
  /// A tile's worth of the product's columns: lanes of one panel at one place of the kernel.
  private struct Columns: Sendable {
    let group, panel: Int
    let u, v: Int
    /// Cells from a row's first to the first that the place reads.
    let shift: Int
  }

  private let size: ConvolutionSize
  /// The output's gradient, the rows of the product, and the input, its columns.
  private let left, right: PanelLayout
  private let columns: [Columns]

  init(_ input: Shape, _ output: Shape, _ size: ConvolutionSize) {
    self.size = size
    left = PanelLayout(
      shape: output, groups: size.groups, width: Tile.rows, laneTaps: 1,
      parts: [PanelLayout.Part(first: 0, step: 1, count: size.outColumns)], kernelRows: 1,
      rowStep: 1, padding: 0)
    // With few channels, as in a network's first layer, the kernel's columns fill the lanes.
    let laneTaps = size.inputsPerGroup < Tile.columns ? size.kernelColumns : 1
    // Otherwise the columns of a row are sorted by their remainder by the stride, so that what a
    // place reads is contiguous.
    let parts =
      laneTaps > 1
      ? [PanelLayout.Part(first: -size.padding, step: size.stride, count: size.outColumns)]
      : (0..<min(size.stride, size.kernelColumns)).map { remainder in
        PanelLayout.Part(
          first: remainder - size.padding, step: size.stride,
          count: size.outColumns + (size.kernelColumns - 1 - remainder) / size.stride)
      }
    right = PanelLayout(
      shape: input, groups: size.groups, width: Tile.columns, laneTaps: laneTaps, parts: parts,
      kernelRows: size.kernelRows, rowStep: size.stride, padding: size.padding)
    var columns: [Columns] = []
    for panel in 0..<right.panels {
      for u in 0..<size.kernelRows {
        for v in 0..<(laneTaps > 1 ? 1 : size.kernelColumns) {
          let (shift, remainder) = v.quotientAndRemainder(dividingBy: size.stride)
          columns.append(
            Columns(
              group: panel / right.panelsPerGroup, panel: panel, u: u, v: v,
              shift: parts[..<remainder].reduce(shift) { $0 + $1.count }))
        }
      }
    }
    self.columns = columns
  }

  /// The lines of a band: as many as keep both factors in the caches.
  private var linesPerBand: Int {
    let floatsPerLine =
      left.panels * left.width * left.cells
      + right.panels * right.width * right.cells * right.lineStep
    return max(1, 1_048_576 / max(1, floatsPerLine))
  }

  func run(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    let lines = size.images * size.outRows
    let bands = stride(from: 0, to: lines, by: linesPerBand).map { first in
      let range = first..<min(lines, first + linesPerBand)
      return (
        left: Band(range, perImage: size.outRows, left),
        right: Band(range, perImage: size.outRows, right)
      )
    }
    let leftPitch = left.floats(rows: bands.map { $0.left.rows.count }.max() ?? 0)
    let rightPitch = right.floats(rows: bands.map { $0.right.rows.count }.max() ?? 0)
    let tileSize = Tile.rows * Tile.columns
    let panels = UnsafeMutablePointer<Float>.allocateOnLine(
      left.panels * leftPitch + right.panels * rightPitch)
    let sums = UnsafeMutablePointer<Float>.allocateOnLine(
      columns.count * left.panelsPerGroup * tileSize)
    defer {
      panels.deallocate()
      sums.deallocate()
    }
    let (cells, gradients) = (SharedReading(input), SharedReading(outputGradient))
    let (lefts, rights) = (Shared(panels), Shared(panels + left.panels * leftPitch))
    let allSums = Shared(sums)
    for (index, band) in bands.enumerated() {
      let scratch = max(left.scratchFloats, right.scratchFloats)
      Threads.each(left.panels + right.panels, scratch: scratch) { panel, scratch in
        if panel < left.panels {
          left.pack(
            panel, rows: band.left.rows, from: gradients.pointer,
            to: lefts.pointer + panel * leftPitch, scratch: scratch)
        } else {
          let panel = panel - left.panels
          right.pack(
            panel, rows: band.right.rows, from: cells.pointer,
            to: rights.pointer + panel * rightPitch, scratch: scratch)
        }
      }
      let (jobs, _) = Threads.jobs(columns.count, atMost: 9)
      Threads.each(jobs) { job in
        for run in band.right.runs {
          multiply(
            run, columns.count * job / jobs..<columns.count * (job + 1) / jobs,
            left: lefts.pointer, leftPitch, right: rights.pointer, rightPitch,
            sums: allSums.pointer, isFirst: index == 0 && run.first == 0)
        }
      }
    }
    store(sums, to: target)
  }

  /// Sums some columns of the product over the lines of one image.
  private func multiply(
    _ run: Band.Run, _ range: Range<Int>, left leftPanels: UnsafePointer<Float>,
    _ leftPitch: Int, right rightPanels: UnsafePointer<Float>, _ rightPitch: Int,
    sums: UnsafeMutablePointer<Float>, isFirst: Bool
  ) {
    let tileSize = Tile.rows * Tile.columns
    let extent = size.outColumns
    // Parts of some hundred positions: several short lines, or a part of a long one.
    let linesPerPart = max(1, Tile.depth / extent)
    let partsPerLine = max(1, (extent + Tile.depth) / (2 * Tile.depth))
    let rowPitch = right.cells * Tile.columns
    for line in stride(from: 0, to: run.count, by: linesPerPart) {
      let lines = min(linesPerPart, run.count - line)
      for part in 0..<partsPerLine {
        let (x, end) = (extent * part / partsPerLine, extent * (part + 1) / partsPerLine)
        let adds = !(isFirst && line == 0 && part == 0)
        for rowPanel in 0..<left.panelsPerGroup {
          let rows = min(Tile.rows, left.lanes - rowPanel * Tile.rows)
          for index in range {
            let column = columns[index]
            let a =
              leftPanels + (column.group * left.panelsPerGroup + rowPanel) * leftPitch
              + ((run.first + line) * extent + x) * Tile.rows
            let b =
              rightPanels + column.panel * rightPitch
              + (run.row + line * right.lineStep + column.u) * rowPitch
              + (x + column.shift) * Tile.columns
            accumulateTile(
              end - x, a, b, sums + (index * left.panelsPerGroup + rowPanel) * tileSize,
              rows: rows, adds: adds, runs: lines,
              gap: right.lineStep * rowPitch - (end - x) * Tile.columns)
          }
        }
      }
    }
  }

  /// Puts the sums where they belong in the weight's gradient, `[O, I / G, K, K]`. All places of the
  /// kernel of one row and panel are contiguous there, so that they are written together.
  private func store(_ sums: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let tileSize = Tile.rows * Tile.columns
    let taps = size.kernelRows * size.kernelColumns
    let perPanel = columns.count / right.panels
    let (sums, target) = (SharedReading(sums), Shared(target))
    Threads.each(right.panels * left.panelsPerGroup) { job in
      let (panel, rowPanel) = job.quotientAndRemainder(dividingBy: left.panelsPerGroup)
      let firstLane = panel % right.panelsPerGroup * Tile.columns
      let lanes = min(right.lanes - firstLane, Tile.columns)
      let firstRow = panel / right.panelsPerGroup * left.lanes + rowPanel * Tile.rows
      for row in 0..<min(Tile.rows, left.lanes - rowPanel * Tile.rows) {
        let to = target.pointer + (firstRow + row) * size.inputsPerGroup * taps
        for index in panel * perPanel..<(panel + 1) * perPanel {
          let from =
            sums.pointer + (index * left.panelsPerGroup + rowPanel) * tileSize
            + row * Tile.columns
          let place = to + columns[index].u * size.kernelColumns + columns[index].v
          if right.laneTaps == 1 {
            for lane in 0..<lanes { place[(firstLane + lane) * taps] = from[lane] }
          } else {
            for lane in 0..<lanes {
              let (i, v) = (firstLane + lane).quotientAndRemainder(dividingBy: right.laneTaps)
              place[i * taps + v] = from[lane]
            }
          }
        }
      }
    }
  }
}
