import CVectorWidth

// How Winograd's method goes through an image: some tiles at a time, over all channels, so that
// what lies between the three steps stays in the processor's caches.

/// One convolution under way: what all threads read, and where they write.
struct WinogradWork: @unchecked Sendable {
  /// `[N, I, H, W]`
  let image: UnsafeBufferPointer<Float>
  let output: UnsafeMutablePointer<Float>
  let added: UnsafePointer<Float>?
  let kernels: [PackedRows]
  let size: ConvolutionSize
  let finishes: [ChannelFinish]
  /// Tiles in a row, and rows of tiles, of one image.
  private let tileColumns, tileRows: Int
  /// Panels of tiles altogether.
  private let panels: Int

  init(
    image: UnsafeBufferPointer<Float>, output: UnsafeMutablePointer<Float>,
    added: UnsafePointer<Float>?, kernels: [PackedRows], size: ConvolutionSize,
    finishes: [ChannelFinish]
  ) {
    (self.image, self.output, self.added) = (image, output, added)
    (self.kernels, self.size, self.finishes) = (kernels, size, finishes)
    tileColumns = (size.outColumns + 3) / 4
    tileRows = (size.outRows + 3) / 4
    panels = (size.images * tileRows * tileColumns + Tile.columns - 1) / Tile.columns
  }

  private var tiles: Int { size.images * tileRows * tileColumns }

  /// Where one job's parts lie in a thread's scratch memory.
  private struct Layout {
    /// `[place, panel, I, tile]`: the input's values; how far the places lie apart.
    let values, valueStride: Int
    /// `[place, panel, output, tile]`: the products for one panel of outputs, likewise.
    let sums, sumStride: Int
    /// `[36, tile]`: the cells of one channel's tiles.
    let cells: Int
    /// A row of cells.
    let line: Int
    /// Cells transformed along one axis.
    let half: Int
    let total: Int

    init(panels: Int, inputs: Int) {
      // Were the places a power of two apart, they would compete for the same lines of the caches.
      func apart(_ count: Int) -> Int { (count + 1023) / 1024 * 1024 + 48 }
      valueStride = apart(panels * inputs * Tile.columns)
      sumStride = apart(panels * Tile.rows * Tile.columns)
      values = 0
      sums = 36 * valueStride
      cells = sums + 36 * sumStride
      line = cells + 36 * cellPitch
      half = line + 4 * cellPitch + 16
      total = half + 36 * Tile.lanes
    }
  }

  /// All tiles, on all threads.
  func run() {
    guard panels > 0 else { return }
    // Two panels read the kernels half as often as one, and more would leave the caches.
    let (jobs, most) = Threads.jobs(panels, atMost: max(1, min(2, panels / (3 * Threads.count))))
    let layout = Layout(panels: most, inputs: size.inputs)
    Threads.each(jobs, scratch: layout.total) { job, scratch in
      // What lies behind an image's last column is multiplied too, and thrown away.
      (scratch + layout.cells).update(repeating: 0, count: layout.total - layout.cells)
      block(panels: panels * job / jobs..<panels * (job + 1) / jobs, layout, scratch)
    }
  }

  /// Some tiles, over all channels: transform, multiply at the 36 places, transform back.
  private func block(
    panels: Range<Int>, _ layout: Layout, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (inputs, rowPanels) = (size.inputs, kernels[0].panelCount)
    let tileSize = Tile.rows * Tile.columns
    let (values, sums) = (scratch + layout.values, scratch + layout.sums)
    let allRuns = panels.map(runs)
    for (slot, runs) in allRuns.enumerated() {
      transformInput(runs, to: values + slot * inputs * Tile.columns, layout, scratch)
    }
    for rowPanel in 0..<rowPanels {
      let first = rowPanel * Tile.rows
      let outputs = first..<min(size.outputs, first + Tile.rows)
      for place in 0..<36 {
        for slot in 0..<panels.count {
          let columns = values + place * layout.valueStride + slot * inputs * Tile.columns
          let tile = sums + place * layout.sumStride + slot * tileSize
          for depth in stride(from: 0, to: max(inputs, 1), by: Tile.depth) {
            let length = min(Tile.depth, inputs - depth)
            accumulateTile(
              length, kernels[place].panel(rowPanel, block: depth, length: length),
              columns + depth * Tile.columns, tile, rows: outputs.count, adds: depth > 0)
          }
        }
      }
      for (slot, runs) in allRuns.enumerated() {
        transformOutput(runs, outputs, from: sums + slot * tileSize, layout, scratch)
      }
    }
  }

  /// Adjacent tiles of one row of tiles.
  private struct Run {
    /// The first one's place in its panel.
    let slot: Int
    let count: Int
    /// The image, and the row and column of the first one's first output.
    let n, y, x: Int
  }

  /// The tiles of a panel.
  private func runs(_ panel: Int) -> [Run] {
    let first = panel * Tile.columns
    let end = min(tiles, first + Tile.columns)
    var runs: [Run] = []
    var tile = first
    while tile < end {
      let (n, inImage) = tile.quotientAndRemainder(dividingBy: tileRows * tileColumns)
      let (row, column) = inImage.quotientAndRemainder(dividingBy: tileColumns)
      let count = min(tileColumns - column, end - tile)
      runs.append(Run(slot: tile - first, count: count, n: n, y: 4 * row, x: 4 * column))
      tile += count
    }
    return runs
  }

  /// `Bt d B` of a panel of tiles, every input channel.
  private func transformInput(
    _ runs: [Run], to target: UnsafeMutablePointer<Float>, _ layout: Layout,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (cells, line) = (scratch + layout.cells, scratch + layout.line)
    for channel in 0..<size.inputs {
      for run in runs {
        expectCells(run, channel: min(channel + 1, size.inputs - 1))
        gather(run, channel: channel, to: cells + run.slot, line: line)
      }
      transformCells(
        cells, half: scratch + layout.half, to: target + channel * Tile.columns,
        placeStride: layout.valueStride)
    }
  }

  /// Asks for the memory that `gather` will read.
  @inline(__always)
  private func expectCells(_ run: Run, channel: Int) {
    guard let base = image.baseAddress else { return }
    let plane = (run.n * size.inputs + channel) * size.rows
    let first = max(0, run.x - size.padding)
    let last = min(size.columns, run.x - size.padding + 4 * run.count + 2)
    let above = max(0, run.y - size.padding)
    for row in above..<max(above, min(size.rows, run.y + 6 - size.padding)) {
      let start = base + (plane + row) * size.columns
      for column in stride(from: first, to: last, by: 16) { prefetch_for_reading(start + column) }
    }
  }

  /// Lays out the 6 x 6 input cells of a run of tiles, a row of tiles for each cell, sixteen tiles
  /// at a time: what is too much, the next run overwrites.
  @inline(__always)
  private func gather(
    _ run: Run, channel: Int, to cells: UnsafeMutablePointer<Float>,
    line: UnsafeMutablePointer<Float>
  ) {
    guard let base = image.baseAddress else { return }
    let plane = (run.n * size.inputs + channel) * size.rows
    let first = run.x - size.padding
    let needed = 4 * run.count + 2
    let read = (run.count + 15) / 16 * 64 + 4
    // The cells of the line that lie in the image; beside them are zeros.
    let left = min(needed, max(0, -first))
    let right = max(left, min(needed, size.columns - first))
    for u in 0..<6 {
      let row = run.y + u - size.padding
      let target = cells + 6 * u * cellPitch
      guard row >= 0, row < size.rows else {
        for v in 0..<6 { (target + v * cellPitch).update(repeating: 0, count: run.count) }
        continue
      }
      let start = (plane + row) * size.columns + first
      var source = base + start
      if start < 0 || start + read > image.count {
        (line + left).update(from: source + left, count: right - left)
        source = UnsafePointer(line)
      }
      for part in stride(from: 0, to: run.count, by: 16) {
        sortByFour(source + 4 &* part, to: target + part)
      }
      for cell in 0..<left { clear(cell, of: run.count, in: target) }
      for cell in right..<needed { clear(cell, of: run.count, in: target) }
    }
  }

  /// Puts zero where a cell of a line is laid out: in its tile, and in the one that shares it.
  @inline(__always)
  private func clear(_ cell: Int, of tiles: Int, in target: UnsafeMutablePointer<Float>) {
    let (tile, v) = (cell / 4, cell % 4)
    if tile < tiles { target[v * cellPitch + tile] = 0 }
    if v < 2, tile > 0 { target[(v + 4) * cellPitch + tile - 1] = 0 }
  }

  /// `At m A` of a panel of tiles, every output channel, finished and stored.
  private func transformOutput(
    _ runs: [Run], _ outputs: Range<Int>, from sums: UnsafePointer<Float>, _ layout: Layout,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (cells, line) = (scratch + layout.cells, scratch + layout.line)
    for channel in outputs {
      for run in runs { expect(run, channel: channel) }
      transformSums(
        sums + (channel - outputs.lowerBound) * Tile.columns, half: scratch + layout.half,
        placeStride: layout.sumStride, to: cells)
      for run in runs { scatter(run, channel: channel, from: cells + run.slot, line: line) }
    }
  }

  /// Asks for the memory that `scatter` will write to.
  @inline(__always)
  private func expect(_ run: Run, channel: Int) {
    let plane = (run.n * size.outputs + channel) * size.outRows
    let count = min(4 * run.count, size.outColumns - run.x)
    for u in 0..<min(4, size.outRows - run.y) {
      let start = (plane + run.y + u) * size.outColumns + run.x
      for line in stride(from: start, to: start + count, by: 16) {
        prefetch_for_writing(output + line)
        if let added { prefetch_for_reading(added + line) }
      }
    }
  }

  /// Stores the 4 x 4 outputs of a run of tiles, as far as they lie inside.
  @inline(__always)
  private func scatter(
    _ run: Run, channel: Int, from cells: UnsafePointer<Float>, line: UnsafeMutablePointer<Float>
  ) {
    let plane = (run.n * size.outputs + channel) * size.outRows
    let count = min(4 * run.count, size.outColumns - run.x)
    for u in 0..<min(4, size.outRows - run.y) {
      let start = (plane + run.y + u) * size.outColumns + run.x
      for part in stride(from: 0, to: run.count, by: 16) {
        joinFour(cells + 4 * u * cellPitch + part, to: line + 4 * part)
      }
      finishes[channel].apply(
        count, line, adding: added.map { $0 + start }, to: output + start)
    }
  }
}
