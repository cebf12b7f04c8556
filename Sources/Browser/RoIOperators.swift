// The RoI operators on one map, and what a single bin reads.

import Stage4RoI
import Tensors

/// Applies an operator to boxes on one map, by its plain definition.
///
/// - Parameters:
///   - map: `[C, H, W]`
///   - boxes: `x1 y1 x2 y2` in input pixels, `count` of them
///   - scale: cells per input pixel
///   - operatorKind: 0 RoIPool, 1 RoIWarp, 2 RoIAlign
/// - Returns: in the answer `[R, C, Y, X]`
@_expose(wasm, "roi_features") @_cdecl("roi_features")
public func roiFeatures(
  _ map: UnsafePointer<Float>, _ channels: Int32, _ rows: Int32, _ columns: Int32,
  _ boxPointer: UnsafePointer<Float>, _ count: Int32, _ scale: Float, _ binRows: Int32,
  _ binColumns: Int32, _ operatorKind: Int32, _ samplingRatio: Int32, _ aligned: Int32,
  _ maximum: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let shape = Shape([Int(channels), Int(rows), Int(columns)])
    let chosen = try roiOperator(
      kind: operatorKind, samplingRatio: samplingRatio, aligned: aligned, maximum: maximum)
    return [
      chosen.plain(
        Tensor(shape, floats(map, shape.count)), boxes: boxes(boxPointer, count),
        spatialScale: scale, bins: BinGrid(rows: Int(binRows), columns: Int(binColumns)))
    ]
  }
}

/// The cells of RoIPool's bins along one axis.
///
/// - Returns: in the answer `[2]`, the RoI's first cell and the one behind its last; `[bins, 2]`, the
///   same of each bin
@_expose(wasm, "roi_pool_axis") @_cdecl("roi_pool_axis")
public func roiPoolAxis(
  _ low: Float, _ high: Float, _ scale: Float, _ bins: Int32, _ extent: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let found = QuantisedBins(
      from: low, to: high, spatialScale: scale, count: Int(bins), limit: Int(extent))
    return [
      Tensor(integers: [found.start, found.start + found.extent]),
      Tensor(integers: found.bins.flatMap { [$0.lowerBound, $0.upperBound] })
        .reshaped([Int(bins), 2]),
    ]
  }
}

/// The grid of an operator that samples.
private func sampleGrid(
  _ box: Box, _ scale: Float, _ bins: BinGrid, _ chosen: RoIOperator
) throws(Fault) -> SampleGrid {
  switch chosen {
  case .pool: throw Fault("operator", "RoIPool takes no samples", remedy: "Give 1 or 2")
  case .warp(let ratio, _):
    SampleGrid(warping: box, spatialScale: scale, bins: bins, samplingRatio: ratio)
  case .align(let ratio, let aligned, _):
    SampleGrid(
      box: box, spatialScale: scale, bins: bins, samplingRatio: ratio, aligned: aligned)
  }
}

/// Where the samples of RoIWarp and RoIAlign lie along both axes of a map.
///
/// - Returns: in the answer three tensors for x and then for y: `[2]`, a bin's size in cells, samples
///   per bin; `[bins + 1]`, the bins' edges in cells; `[bins samples, 6]`: position in cells, whether
///   it lies inside the map, the lower and the higher cell, and the weight of each
@_expose(wasm, "roi_sample_axes") @_cdecl("roi_sample_axes")
public func roiSampleAxes(
  _ box: UnsafePointer<Float>, _ rows: Int32, _ columns: Int32, _ scale: Float, _ binRows: Int32,
  _ binColumns: Int32, _ operatorKind: Int32, _ samplingRatio: Int32, _ aligned: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let bins = BinGrid(rows: Int(binRows), columns: Int(binColumns))
    let grid = try sampleGrid(
      boxes(box, 1)[0], scale, bins,
      roiOperator(
        kind: operatorKind, samplingRatio: samplingRatio, aligned: aligned, maximum: 0))
    func axis(_ bins: Int, _ samples: Int, _ extent: Int32, at position: (Int, Int) -> Float)
      -> Tensor
    {
      var values: [Float] = []
      for bin in 0..<bins {
        for sample in 0..<samples {
          let place = position(bin, sample)
          values.append(place)
          if let weights = BilinearWeights(place, extent: Int(extent)) {
            values += [
              1, Float(weights.low), Float(weights.high), weights.lowWeight, weights.highWeight,
            ]
          } else {
            values += [0, 0, 0, 0, 0]
          }
        }
      }
      return Tensor([bins * samples, 6], values)
    }
    return [
      Tensor([2], [grid.binWidth, Float(grid.columns)]),
      Tensor([bins.columns + 1], (0...bins.columns).map { grid.edgeX(bin: $0) }),
      axis(bins.columns, grid.columns, columns) { grid.sampleX(bin: $0, sample: $1) },
      Tensor([2], [grid.binHeight, Float(grid.rows)]),
      Tensor([bins.rows + 1], (0...bins.rows).map { grid.edgeY(bin: $0) }),
      axis(bins.rows, grid.rows, rows) { grid.sampleY(bin: $0, sample: $1) },
    ]
  }
}

/// Every sample of one bin of RoIWarp or RoIAlign on one channel.
///
/// - Parameter map: `[H, W]`
/// - Returns: in the answer `[samples, 24]`: x, y, whether it lies inside, value, and for each of the
///   four cells row, column, weight, value, weight times value; and `[4]`: the sum of the samples in
///   order, their number as it divides, the greatest, which one that is (-1 for none)
@_expose(wasm, "roi_bin_samples") @_cdecl("roi_bin_samples")
public func roiBinSamples(
  _ map: UnsafePointer<Float>, _ rows: Int32, _ columns: Int32, _ box: UnsafePointer<Float>,
  _ scale: Float, _ binRows: Int32, _ binColumns: Int32, _ operatorKind: Int32,
  _ samplingRatio: Int32, _ aligned: Int32, _ row: Int32, _ column: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let bins = BinGrid(rows: Int(binRows), columns: Int(binColumns))
    let grid = try sampleGrid(
      boxes(box, 1)[0], scale, bins,
      roiOperator(
        kind: operatorKind, samplingRatio: samplingRatio, aligned: aligned, maximum: 0))
    var values: [Float] = []
    var (sum, greatest, winner): (Float, Float, Int) = (0, -.infinity, -1)
    for i in 0..<grid.rows {
      let y = grid.sampleY(bin: Int(row), sample: i)
      let v = BilinearWeights(y, extent: Int(rows))
      for j in 0..<grid.columns {
        let x = grid.sampleX(bin: Int(column), sample: j)
        let h = BilinearWeights(x, extent: Int(columns))
        let value = bilinearSample(map, columns: Int(columns), v, h)
        sum += value
        if value > greatest { (greatest, winner) = (value, i * grid.columns + j) }
        values += [x, y, v != nil && h != nil ? 1 : 0, value]
        for down in [false, true] {
          for across in [false, true] {
            guard let v, let h else {
              values += [0, 0, 0, 0, 0]
              continue
            }
            let (row, column) = (down ? v.high : v.low, across ? h.high : h.low)
            let weight =
              (down ? v.highWeight : v.lowWeight) * (across ? h.highWeight : h.lowWeight)
            let cell = map[row * Int(columns) + column]
            values += [Float(row), Float(column), weight, cell, weight * cell]
          }
        }
      }
    }
    let count = grid.rows * grid.columns
    return [
      Tensor([count, 24], values),
      Tensor([4], [sum, Float(max(count, 1)), greatest.isFinite ? greatest : 0, Float(winner)]),
    ]
  }
}
