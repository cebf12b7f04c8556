// A batch: samples as the network reads them, and the truth in input pixels.
//
// N images, T objects in an image, H0 W0 rows and columns of a sample, H W those of its input, Hp Wp
// those of the padded input.

import Inference
import Kernels
import Model
import Stage0Input
import Stage7Targets
import Tensors

/// N images with their truth, ready for a step.
public struct TrainingBatch: Sendable {
  /// The names of the samples.
  public let names: [String]
  /// `[N, 3, Hp, Wp]` and the sizes of each image.
  public let input: InputBatch
  /// The truth about each image, in input pixels.
  public let truths: [ImageTruth]
  /// Where the sampling of anchors and RoIs begins, for each image.
  public let seeds: [UInt64]

  /// Makes a batch of samples.
  ///
  /// - Parameters:
  ///   - settings: how images become input
  ///   - seeds: one for each sample
  /// - Throws: `Fault` if an object has no width or height
  public init(
    _ samples: [TrainingSample], _ settings: ModelSettings, seeds: [UInt64]
  ) throws(Fault) {
    precondition(seeds.count == samples.count, "a seed per sample")
    names = samples.map(\.name)
    self.seeds = seeds
    let input = InputBatch(samples.map(\.image), settings)
    self.input = input
    var truths: [ImageTruth] = []
    for (sample, sizes) in zip(samples, input.sizes) {
      truths.append(try ImageTruth(sample, sizes))
    }
    self.truths = truths
  }
}

extension ImageTruth {
  /// The truth about a sample in input pixels: boxes times the factors of the resize, masks resized to
  /// the nearest pixel.
  init(_ sample: TrainingSample, _ sizes: InputSizes) throws(Fault) {
    let (original, resized) = (sizes.original, sizes.resized)
    let factors = (
      x: Float(resized.width) / Float(original.width),
      y: Float(resized.height) / Float(original.height)
    )
    let area = resized.height * resized.width
    // The pixel that the resize to the nearest one reads: floor(i H0 / H).
    let rows = (0..<resized.height).map { $0 * original.height / resized.height }
    let columns = (0..<resized.width).map { $0 * original.width / resized.width }
    var masks = Tensor([sample.objects.count, resized.height, resized.width], repeating: 0)
    for (number, object) in sample.objects.enumerated() {
      let (window, inside) = (object.region.window, object.region.isInside)
      for (y, row) in rows.enumerated() where row >= window.y1 && row < window.y2 {
        let from = (row - window.y1) * window.width - window.x1
        let to = number * area + y * resized.width
        for (x, column) in columns.enumerated()
        where column >= window.x1 && column < window.x2 && inside[from + column] {
          masks.values[to + x] = 1
        }
      }
    }  // [T, H, W]
    try self.init(
      boxes: sample.objects.map { $0.box.scaled(x: factors.x, y: factors.y) },
      labels: sample.objects.map(\.label), masks: masks)
  }
}
