// Stage 4, the gradients of RoIAlign and RoIWarp. Every sample was a weighted sum of four cells, so
// each of the four receives the sample's gradient times its weight: a gradient reaches every cell
// that was sampled. torchvision: csrc/ops/cpu/roi_align_kernel.cpp,
// `roi_align_backward_kernel_impl`.
//
// In: dL/d output [R, C, Y, X].  Out: dL/d features [C, H, W]. The boxes receive none, as in the
// paper's training and torchvision's.  R RoIs, C channels, H W rows and columns, Y X bins.

import Kernels
import Tensors

/// The cells of every sample of one RoI, and the weights of the cells.
struct SampleWeights: Sendable {
  /// Of sample s of bin y, at `y samplesPerColumn + s`; nil for a sample outside the map.
  let vertical: [BilinearWeights?]
  /// Of sample s of bin x, at `x samplesPerRow + s`.
  let horizontal: [BilinearWeights?]
  /// Samples of a bin along y.
  let samplesPerColumn: Int
  /// Samples of a bin along x.
  let samplesPerRow: Int

  /// Finds the cells of a grid's samples on a map.
  init(_ grid: SampleGrid, bins: BinGrid, rows: Int, columns: Int) {
    samplesPerColumn = grid.rows
    samplesPerRow = grid.columns
    vertical = (0..<bins.rows).flatMap { bin in
      (0..<grid.rows).map { BilinearWeights(grid.sampleY(bin: bin, sample: $0), extent: rows) }
    }
    horizontal = (0..<bins.columns).flatMap { bin in
      (0..<grid.columns).map {
        BilinearWeights(grid.sampleX(bin: bin, sample: $0), extent: columns)
      }
    }
  }

  /// What the samples' sum is divided by.
  var count: Float { Float(max(samplesPerColumn * samplesPerRow, 1)) }

  /// The samples of bin row y, along y.
  func rows(_ y: Int) -> Range<Int> { y * samplesPerColumn..<(y + 1) * samplesPerColumn }

  /// The samples of bin column x, along x.
  func columns(_ x: Int) -> Range<Int> { x * samplesPerRow..<(x + 1) * samplesPerRow }
}

/// The gradient of `roiAlign` by its features:
///
///     dL/df[c, i, j] = sum over r, y, x, samples s of w[s, i, j] / n * dL/dout[r, c, y, x]
///
/// w[s, i, j] is the bilinear weight of cell (i, j) in sample s, n the samples of a bin. With
/// `maximum` only the greatest sample of a bin, the first of equal ones, passes the gradient on,
/// undivided. This is the definition; `roiFeaturesGradient` computes the same faster.
///
/// - Parameters:
///   - gradient: dL/d output, `[R, C, Y, X]`
///   - features: what the operator was applied to, `[C, H, W]`
///   - boxes, spatialScale, samplingRatio, aligned, maximum: as given to `roiAlign`
/// - Returns: `[C, H, W]`
/// - Complexity: O(R C Y X samples)
public func roiAlignGradient(
  _ gradient: Tensor, features: Tensor, boxes: [Box], spatialScale: Float, samplingRatio: Int,
  aligned: Bool, maximum: Bool = false
) -> Tensor {
  sampledGradient(gradient, features: features, boxes: boxes, maximum: maximum) { box, bins in
    SampleGrid(
      box: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio,
      aligned: aligned)
  }
}

/// The gradient of `roiWarp` by its features: as `roiAlignGradient`, on the grid of the rounded
/// RoI.
///
/// Parameters and result as in `roiAlignGradient`.
public func roiWarpGradient(
  _ gradient: Tensor, features: Tensor, boxes: [Box], spatialScale: Float, samplingRatio: Int,
  maximum: Bool = false
) -> Tensor {
  sampledGradient(gradient, features: features, boxes: boxes, maximum: maximum) { box, bins in
    SampleGrid(
      warping: box, spatialScale: spatialScale, bins: bins, samplingRatio: samplingRatio)
  }
}

/// Spreads the gradient of every RoI's bins over the cells that were sampled.
private func sampledGradient(
  _ gradient: Tensor, features: Tensor, boxes: [Box], maximum: Bool,
  grid: (Box, BinGrid) -> SampleGrid
) -> Tensor {
  let (rows, columns) = (features.shape[1], features.shape[2])
  let bins = BinGrid(rows: gradient.shape[2], columns: gradient.shape[3])
  let sampled = boxes.map {
    SampleWeights(grid($0, bins), bins: bins, rows: rows, columns: columns)
  }
  return perChannel(gradient, features: features, boxes: boxes) { channel, plane, target in
    func spread(_ share: Float, _ v: BilinearWeights, _ h: BilinearWeights) {
      target[v.low * columns + h.low] += v.lowWeight * h.lowWeight * share
      target[v.low * columns + h.high] += v.lowWeight * h.highWeight * share
      target[v.high * columns + h.low] += v.highWeight * h.lowWeight * share
      target[v.high * columns + h.high] += v.highWeight * h.highWeight * share
    }
    for (index, samples) in sampled.enumerated() {
      for y in 0..<bins.rows {
        for x in 0..<bins.columns {
          let share = gradient[index, channel, y, x] / (maximum ? 1 : samples.count)
          var greatest = -Float.infinity
          var chosen: (BilinearWeights, BilinearWeights)?
          for row in samples.rows(y) {
            for column in samples.columns(x) {
              let (v, h) = (samples.vertical[row], samples.horizontal[column])
              if !maximum {
                if let v, let h { spread(share, v, h) }
                continue
              }
              var sample: Float = 0
              if let v, let h {
                let (above, below) = (plane + v.low * columns, plane + v.high * columns)
                sample =
                  v.lowWeight * h.lowWeight * above[h.low]
                  + v.lowWeight * h.highWeight * above[h.high]
                  + v.highWeight * h.lowWeight * below[h.low]
                  + v.highWeight * h.highWeight * below[h.high]
              }
              guard sample > greatest else { continue }
              greatest = sample
              // A sample outside the map is 0 whatever the features are.
              chosen = v.flatMap { v in h.map { (v, $0) } }
            }
          }
          if let chosen, greatest.isFinite { spread(share, chosen.0, chosen.1) }
        }
      }
    }
  }
}

/// Runs `body` for every channel, on all threads; each writes its own `[H, W]`, at first 0. The
/// boxes' gradients overlap, but the channels' do not: no sum depends on the number of threads.
func perChannel(
  _ gradient: Tensor, features: Tensor, boxes: [Box],
  _ body:
    @Sendable (
      _ channel: Int, _ plane: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>
    ) -> Void
) -> Tensor {
  precondition(
    features.shape.rank == 3 && gradient.shape.rank == 4
      && gradient.shape[0] == boxes.count && gradient.shape[1] == features.shape[0],
    "no gradient \(gradient.shape) of \(boxes.count) boxes on \(features.shape)")
  let plane = features.shape[1] * features.shape[2]
  var result = Tensor(features.shape, repeating: 0)  // [C, H, W]
  guard result.count > 0 else { return result }
  result.values.withUnsafeMutableBufferPointer { output in
    features.values.withUnsafeBufferPointer { map in
      guard let map = map.baseAddress, let output = output.baseAddress else { return }
      nonisolated(unsafe) let (source, target) = (map, output)
      Threads.each(features.shape[0]) { channel in
        body(channel, source + channel * plane, target + channel * plane)
      }
    }
  }
  return result
}
