// Stage 4, the operators' gradients once more, for speed: the same sums in the same order as in
// RoIAlign+Gradient.swift and RoIPool+Gradient.swift, sixteen channels at a time, so that the bits
// are the same. A thread computes whole channels of an image: no two write to one cell.

import Kernels
import Tensors

extension RoIOperator {
  /// The operator's gradient by one level of all images.
  ///
  /// - Parameters:
  ///   - gradient: `[R, C, Y, X]`
  ///   - features: `[N, C, H, W]`
  ///   - groups: the boxes of each image that are read from this level
  /// - Returns: `[N, C, H, W]`
  func fastGradient(
    _ gradient: Tensor, features: Tensor, boxes: [Box], groups: [RoIGroup], spatialScale: Float
  ) -> Tensor {
    let (channels, rows, columns) = (features.shape[1], features.shape[2], features.shape[3])
    let bins = BinGrid(rows: gradient.shape[2], columns: gradient.shape[3])
    let blocks = (channels + ChannelBlock.width - 1) / ChannelBlock.width
    let members = groups.map { group in
      group.members.map { index in
        (index, places(of: boxes[index], spatialScale, bins, rows: rows, columns: columns))
      }
    }
    var result = Tensor(features.shape, repeating: 0)  // [N, C, H, W]
    result.values.withUnsafeMutableBufferPointer { output in
      features.values.withUnsafeBufferPointer { map in
        gradient.values.withUnsafeBufferPointer { slopes in
          guard let output = output.baseAddress, let map = map.baseAddress,
            let slopes = slopes.baseAddress
          else { return }
          nonisolated(unsafe) let (target, source, slope) = (output, map, slopes)
          Threads.each(groups.count * blocks) { job in
            let (number, block) = job.quotientAndRemainder(dividingBy: blocks)
            let first = block * ChannelBlock.width
            let plane = (groups[number].image * channels + first) * rows * columns
            let work = BlockOfChannels(
              source + plane, channels: min(ChannelBlock.width, channels - first), rows: rows,
              columns: columns, bins: bins, needsFeatures: takesMaximum)
            for (index, places) in members[number] {
              work.add(slope + (index * channels + first) * bins.count, places)
            }
            work.store(to: target + plane)
          }
        }
      }
    }
    return result
  }

  /// Where a RoI's bins lie on the map.
  private func places(
    of box: Box, _ spatialScale: Float, _ bins: BinGrid, rows: Int, columns: Int
  ) -> RoIPlaces {
    switch self {
    case .pool:
      return .cells(
        PooledCells(box, spatialScale: spatialScale, bins: bins, rows: rows, columns: columns))
    case .warp(let samplingRatio, let maximum):
      let grid = SampleGrid(
        warping: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio)
      return .samples(
        SampleWeights(grid, bins: bins, rows: rows, columns: columns), maximum: maximum)
    case .align(let samplingRatio, let aligned, let maximum):
      let grid = SampleGrid(
        box: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio,
        aligned: aligned)
      return .samples(
        SampleWeights(grid, bins: bins, rows: rows, columns: columns), maximum: maximum)
    }
  }

  /// Whether the gradient depends on which cell or sample of a bin is the greatest.
  private var takesMaximum: Bool {
    switch self {
    case .pool: true
    case .warp(_, let maximum), .align(_, _, let maximum): maximum
    }
  }
}

/// Where a RoI's bins lie on a map.
private enum RoIPlaces: Sendable {
  case cells(PooledCells)
  case samples(SampleWeights, maximum: Bool)
}

/// The gradient of up to sixteen channels of one map, as it is added up.
private struct BlockOfChannels: ~Copyable {
  /// `[H, W, 16]`; empty where the gradient does not depend on the features.
  let features: ChannelBlock
  /// `[H, W, 16]`
  let sums: ChannelBlock
  let channels, columns: Int
  let bins: BinGrid

  init(
    _ planes: UnsafePointer<Float>, channels: Int, rows: Int, columns: Int, bins: BinGrid,
    needsFeatures: Bool
  ) {
    features = ChannelBlock(
      planes, channels: channels, count: needsFeatures ? rows * columns : 0)
    sums = ChannelBlock(zeros: rows * columns)
    self.channels = channels
    self.columns = columns
    self.bins = bins
  }

  func store(to planes: UnsafeMutablePointer<Float>) { sums.store(to: planes, channels: channels) }

  /// Adds one RoI's gradient, `[channels, Y, X]`.
  func add(_ gradient: UnsafePointer<Float>, _ places: RoIPlaces) {
    let slopes = ChannelBlock(gradient, channels: channels, count: bins.count)  // [Y, X, 16]
    switch places {
    case .cells(let cells): addPooled(slopes.cells, cells)
    case .samples(let samples, maximum: false): addAverage(slopes.cells, samples)
    case .samples(let samples, maximum: true): addMaximum(slopes.cells, samples)
    }
  }

  private func offset(_ row: Int, _ column: Int) -> Int {
    (row &* columns &+ column) &* ChannelBlock.width
  }

  /// As `roiPoolGradient`.
  private func addPooled(_ slopes: UnsafeMutablePointer<Float>, _ cells: PooledCells) {
    for (y, binRows) in cells.vertical.enumerated() {
      for (x, binColumns) in cells.horizontal.enumerated() {
        var greatest = GreatestOfSixteen(above: -.greatestFiniteMagnitude)
        for row in binRows {
          for column in binColumns {
            greatest.offer(
              cell: features.cells + offset(row, column), index: row &* columns &+ column)
          }
        }
        let slope = slopes + (y * bins.columns + x) * ChannelBlock.width
        for channel in 0..<channels {
          guard let cell = greatest[channel] else { continue }
          sums.cells[cell.index * ChannelBlock.width + channel] += slope[channel]
        }
      }
    }
  }

  /// As `roiAlignGradient`, each bin the average of its samples.
  private func addAverage(_ slopes: UnsafeMutablePointer<Float>, _ samples: SampleWeights) {
    for bin in 0..<bins.count * ChannelBlock.width { slopes[bin] /= samples.count }
    for y in 0..<bins.rows {
      for x in 0..<bins.columns {
        let share = slopes + (y * bins.columns + x) * ChannelBlock.width
        for row in samples.rows(y) {
          guard let v = samples.vertical[row] else { continue }
          for column in samples.columns(x) {
            guard let h = samples.horizontal[column] else { continue }
            spreadBilinear(
              share,
              to: sums.cells + offset(v.low, h.low), v.lowWeight * h.lowWeight,
              sums.cells + offset(v.low, h.high), v.lowWeight * h.highWeight,
              sums.cells + offset(v.high, h.low), v.highWeight * h.lowWeight,
              sums.cells + offset(v.high, h.high), v.highWeight * h.highWeight)
          }
        }
      }
    }
  }

  /// As `roiAlignGradient`, each bin the greatest of its samples.
  private func addMaximum(_ slopes: UnsafeMutablePointer<Float>, _ samples: SampleWeights) {
    let across = samples.horizontal.count
    for y in 0..<bins.rows {
      for x in 0..<bins.columns {
        var greatest = GreatestOfSixteen(above: -.infinity)
        for row in samples.rows(y) {
          for column in samples.columns(x) {
            let index = row &* across &+ column
            guard let v = samples.vertical[row], let h = samples.horizontal[column] else {
              // A sample outside the map is 0.
              greatest.offer(.zero, index: index)
              continue
            }
            greatest.offer(
              features.cells + offset(v.low, h.low), v.lowWeight * h.lowWeight,
              features.cells + offset(v.low, h.high), v.lowWeight * h.highWeight,
              features.cells + offset(v.high, h.low), v.highWeight * h.lowWeight,
              features.cells + offset(v.high, h.high), v.highWeight * h.highWeight, index: index)
          }
        }
        let slope = slopes + (y * bins.columns + x) * ChannelBlock.width
        for channel in 0..<channels {
          guard let sample = greatest[channel], sample.value.isFinite,
            let v = samples.vertical[sample.index / across],
            let h = samples.horizontal[sample.index % across]
          else { continue }
          let to = sums.cells + channel
          to[offset(v.low, h.low)] += v.lowWeight * h.lowWeight * slope[channel]
          to[offset(v.low, h.high)] += v.lowWeight * h.highWeight * slope[channel]
          to[offset(v.high, h.low)] += v.highWeight * h.lowWeight * slope[channel]
          to[offset(v.high, h.high)] += v.highWeight * h.highWeight * slope[channel]
        }
      }
    }
  }
}
