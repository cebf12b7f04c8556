import Annotations
import Kernels
import Model
import Scenes
import Tensors
import Training

/// A network of a few thousand parameters for the shapes scene.
func tinyModel(seed: UInt64 = 1, classes: Int = SceneClass.names.count) throws -> MaskRCNNModel {
  let layout = Layout.small(
    blocks: [1, 1, 1, 1], widths: [4, 4, 8, 8], pyramid: 8, anchors: 3, boxLayers: [8, 8],
    maskConvolutions: [8], classes: classes)
  var settings = ModelSettings()
  settings.resize = .factor(1)
  settings.anchorSizes = [8, 16, 32, 64, 128]
  return MaskRCNNModel(
    try MaskRCNNParameters(random: layout, normEpsilon: 1e-5, seed: seed), layout,
    settings: settings, name: "tiny")
}

/// A few steps on small scenes, with everything that a checkpoint holds.
func tinyConfiguration(
  steps: Int, rate: Float = 0.02, norms: NormTraining = .batchStatistics
) -> TrainingConfiguration {
  var configuration = TrainingConfiguration(
    seed: 5, steps: steps, imagesPerBatch: 2,
    schedule: LearningRateSchedule(rate: rate, warmUpSteps: 2, decay: .cosine(floor: 0.1)),
    norms: norms, augmentation: Augmentation(crop: 56, scale: 1.3, turns: true, brightness: 0.3))
  configuration.averageDecay = 0.9
  configuration.greatestNorm = 3
  configuration.roisPerImage = 32
  (configuration.preNMSTopN, configuration.postNMSTopN) = (100, 50)
  return configuration
}

/// Scenes of 64 x 64 pixels.
let tinyScenes = SceneSource(seed: 9, side: 64)

extension Trainer {
  /// Takes steps until `last` have been taken.
  mutating func train(on source: some SampleSource, until last: Int) throws {
    while step < last {
      try self.step(
        on: try configuration.batch(ofStep: step, from: source, model.settings))
    }
  }
}

extension ParameterTree {
  /// Every element of every parameter and statistic.
  var elements: [Float] { parameters.flatMap(\.value.values) }
}

/// An image of numbers that all differ, with an object of 3 x 2 pixels, which lacks one of its
/// corners.
func cornerSample() -> TrainingSample {
  let (height, width) = (5, 6)
  let image = Tensor(
    [3, height, width], (0..<3 * height * width).map { Float($0) / Float(3 * height * width) })
  // . . # # .
  // . # # # .   in rows 1 and 2, columns 2 … 4
  let region = MaskRegion(
    window: Window(2, 1, 5, 3), isInside: [false, true, true, true, true, true])
  return TrainingSample(
    name: "corner", image: image, objects: [TrainingObject(label: 1, region: region)])
}
