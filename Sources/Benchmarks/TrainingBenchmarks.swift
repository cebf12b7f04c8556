import Annotations
import Model
import Tensors
import Training

/// One step of training, again and again on the same batch: crops of one image with its objects.
///
/// torchvision's numbers for samples and proposals, batch norm trained, momentum and weight decay.
/// `Fixtures/record/peer_training.py` takes the same step with torchvision.
public struct TrainingWork: Sendable {
  /// Crops in the batch.
  public static let crops = 8
  /// The side of a crop in image pixels; in input pixels it is twice that for the bundled network.
  public static let side = 160

  private let trainer: Trainer
  private let batch: TrainingBatch

  /// Prepares the batch.
  ///
  /// - Parameters:
  ///   - image: `[3, H, W]`, at least as large as a crop
  ///   - objects: what there is in it, all of class 1
  public init(_ model: MaskRCNNModel, image: Tensor, objects: [MaskRegion]) throws(Fault) {
    let whole = TrainingSample(
      name: "bench", image: image,
      objects: objects.map { TrainingObject(label: 1, region: $0) })
    let samples = (0..<Self.crops).map { index in
      let x = index * 97 % (whole.width - Self.side + 1)
      let y = index * 61 % (whole.height - Self.side + 1)
      return whole.cropped(to: Window(x, y, x + Self.side, y + Self.side), leastPixels: 12)
    }
    batch = try TrainingBatch(samples, model.settings, seeds: samples.indices.map { UInt64($0) })
    trainer = Trainer(
      model,
      TrainingConfiguration(
        seed: 1, steps: 1000, imagesPerBatch: Self.crops,
        schedule: LearningRateSchedule(rate: 1e-4, warmUpSteps: 0, decay: .constant),
        norms: .batchStatistics, augmentation: .none))
  }

  /// Takes the first step.
  ///
  /// - Parameter clock: called after each part of it
  /// - Returns: what the step did, and the parameters after it
  @discardableResult
  public func run(
    clock: (StepPart) -> Void = { _ in }
  ) throws(Fault) -> (report: StepReport, parameters: MaskRCNNParameters) {
    var trainer = trainer
    let report = try trainer.step(on: batch, clock: clock)
    return (report, trainer.model.parameters)
  }
}

/// The parts of one step of training, and the whole.
public func trainingBenchmarks(_ work: TrainingWork, runs: Int) throws(Fault) -> [Timing] {
  let clock = ContinuousClock()
  var parts = StepPart.allCases.map { Timing(name: $0.rawValue, seconds: []) }
  var whole = Timing(name: "one step", seconds: [])
  try work.run()
  for _ in 0..<runs {
    let start = clock.now
    var last = start
    try work.run { part in
      let now = clock.now
      let place = StepPart.allCases.firstIndex(of: part) ?? 0
      parts[place].seconds.append(last.duration(to: now) / .seconds(1))
      last = now
    }
    whole.seconds.append(start.duration(to: clock.now) / .seconds(1))
  }
  return parts + [whole]
}
