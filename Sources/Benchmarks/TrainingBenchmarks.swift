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

  /// Prepares a batch of two whole images, each with the same twenty rectangles, for a network with
  /// frozen norms: what fine-tuning R50-FPN costs.
  ///
  /// - Parameters:
  ///   - image: `[3, H, W]`, which the network reads at its own size; at least 480 x 640
  ///   - frozenParts: 5 to train pyramid and heads alone, 0 for everything
  public init(_ model: MaskRCNNModel, pairOf image: Tensor, frozenParts: Int) throws(Fault) {
    var model = model
    let (height, width) = (image.shape[1], image.shape[2])
    model.settings.resize = .sides(shorter: min(height, width), longer: max(height, width))
    let objects = (0..<20).map { index in
      let (x, y) = (index * 97 % 540, index * 61 % 400)
      let window = Window(x, y, x + 40 + index * 7 % 60, y + 30 + index * 11 % 50)
      return TrainingObject(
        label: 1 + index,
        region: MaskRegion(
          window: window,
          isInside: [Bool](repeating: true, count: window.width * window.height)))
    }
    let sample = TrainingSample(name: "bench", image: image, objects: objects)
    batch = try TrainingBatch([sample, sample], model.settings, seeds: [0, 1])
    var configuration = TrainingConfiguration(
      seed: 1, steps: 1000, imagesPerBatch: 2,
      schedule: LearningRateSchedule(rate: 1e-4, warmUpSteps: 0, decay: .constant),
      norms: .frozen, augmentation: .none)
    configuration.frozenParts = frozenParts
    // Seeded weights have no sensible losses.
    configuration.greatestLoss = .greatestFiniteMagnitude
    trainer = Trainer(model, configuration)
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
