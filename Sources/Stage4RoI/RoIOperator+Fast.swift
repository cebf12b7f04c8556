// Stage 4, the operators once more, for speed: the same arithmetic as in RoIAlign.swift and
// RoIPool.swift, on maps whose channels lie innermost, so that where a sample lies is worked out
// once for all channels. Every channel's sums are made in the same order: the bits are the same.

import Kernels
import Tensors

extension RoIOperator {
  /// Applies the operator to one RoI.
  ///
  /// - Parameters:
  ///   - map: `[H, W, C]`
  ///   - output: `[C, Y, X]`
  func apply(
    to map: UnsafePointer<Float>, rows: Int, columns: Int, channels: Int, box: Box,
    spatialScale: Float, bins: BinGrid, output: UnsafeMutablePointer<Float>
  ) {
    // [Y, X, C]
    let binned = UnsafeMutablePointer<Float>.allocate(capacity: max(1, bins.count * channels))
    defer { binned.deallocate() }
    let work = OneRoI(
      map: map, rows: rows, columns: columns, channels: channels, box: box,
      spatialScale: spatialScale, bins: bins, binned: binned)
    switch self {
    case .pool: work.pool()
    case .warp(let samplingRatio, let maximum):
      work.sample(
        SampleGrid(
          warping: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio),
        maximum: maximum)
    case .align(let samplingRatio, let aligned, let maximum):
      work.sample(
        SampleGrid(
          box: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio,
          aligned: aligned), maximum: maximum)
    }
    for channel in 0..<channels {
      let to = output + channel * bins.count
      for bin in 0..<bins.count { to[bin] = binned[bin &* channels &+ channel] }
    }
  }
}

/// One RoI's bins, all channels of a bin contiguous.
private struct OneRoI {
  let map: UnsafePointer<Float>
  let rows, columns, channels: Int
  let box: Box
  let spatialScale: Float
  let bins: BinGrid
  let binned: UnsafeMutablePointer<Float>

  private func cell(_ row: Int, _ column: Int) -> UnsafePointer<Float> {
    map + (row * columns + column) * channels
  }

  private func bin(_ y: Int, _ x: Int) -> UnsafeMutablePointer<Float> {
    binned + (y * bins.columns + x) * channels
  }

  /// As `roiPool`.
  func pool() {
    let vertical = QuantisedBins(
      from: box.y1, to: box.y2, spatialScale: spatialScale, count: bins.rows, limit: rows)
    let horizontal = QuantisedBins(
      from: box.x1, to: box.x2, spatialScale: spatialScale, count: bins.columns, limit: columns)
    for (y, binRows) in vertical.bins.enumerated() {
      for (x, binColumns) in horizontal.bins.enumerated() {
        let isEmpty = binRows.isEmpty || binColumns.isEmpty
        let greatest = bin(y, x)
        greatest.initialize(
          repeating: isEmpty ? 0 : -.greatestFiniteMagnitude, count: channels)
        for row in binRows {
          for column in binColumns {
            maximise(cell(row, column), to: greatest, channels: channels)
          }
        }
      }
    }
  }

  /// As `roiAlign` and `roiWarp`, on the grid of either.
  func sample(_ grid: SampleGrid, maximum: Bool) {
    let horizontal = (0..<bins.columns).map { bin in
      (0..<grid.columns).map {
        BilinearWeights(grid.sampleX(bin: bin, sample: $0), extent: columns)
      }
    }
    let count = Float(max(grid.rows * grid.columns, 1))
    for y in 0..<bins.rows {
      let vertical = (0..<grid.rows).map {
        BilinearWeights(grid.sampleY(bin: y, sample: $0), extent: rows)
      }
      for x in 0..<bins.columns {
        let target = bin(y, x)
        target.initialize(repeating: maximum ? -.infinity : 0, count: channels)
        for v in vertical {
          for h in horizontal[x] {
            guard let v, let h else {
              // More than a cell outside the map: a sample of 0.
              if maximum { for c in 0..<channels { target[c] = max(target[c], 0) } }
              continue
            }
            let combine = maximum ? maximiseBilinear : addBilinear
            combine(
              cell(v.low, h.low), v.lowWeight * h.lowWeight,
              cell(v.low, h.high), v.lowWeight * h.highWeight,
              cell(v.high, h.low), v.highWeight * h.lowWeight,
              cell(v.high, h.high), v.highWeight * h.highWeight, target, channels)
          }
        }
        if maximum {
          for c in 0..<channels where !target[c].isFinite { target[c] = 0 }
        } else {
          for c in 0..<channels { target[c] /= count }
        }
      }
    }
  }
}
