// A batch: samples as the network reads them, and the truth in input pixels.
//
// N images, Hp Wp rows and columns of the padded input.

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
  /// The truth about a sample in input pixels.
  init(_ sample: TrainingSample, _ sizes: InputSizes) throws(Fault) {
    try self.init(
      imageBoxes: sample.objects.map(\.box), labels: sample.objects.map(\.label),
      masks: sample.objects.map(\.region), sizes: sizes)
  }
}
