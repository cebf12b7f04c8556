import Annotations
import Figures
import Foundation
import Model
import Stage8Losses
import Tensors
import Tracing
import Training
import WeightFiles

/// Ten steps of gradient descent that the reference took from the bundled weights, and what this
/// package makes of the same steps: `Fixtures/golden/training/CASE`.
public struct TrainingGolden {
  private let recorded: RecordedCase<How>

  private struct How: Decodable {
    var crops: [[[Int]]]
    var leastPixels: Int
    var norms: NormTraining
    var frozenParts: Int
    var rate: Float
    var warmUpSteps: Int
    var warmUpFactor: Float
    var dropAt: Int?
    var floor: Float?
    var momentum: Float
    var weightDecay: Float
    var decaysNormsAndBiases: Bool
    var greatestNorm: Float?
    var preNMSTopN: Int
    var postNMSTopN: Int

    var configuration: TrainingConfiguration {
      let decay: LearningRateDecay =
        floor.map { .cosine(floor: $0) } ?? .steps(at: dropAt.map { [$0] } ?? [], factor: 0.1)
      var configuration = TrainingConfiguration(
        seed: 0, steps: crops.count, imagesPerBatch: crops[0].count,
        schedule: LearningRateSchedule(
          rate: rate, warmUpSteps: warmUpSteps, warmUpFactor: warmUpFactor, decay: decay),
        norms: norms, augmentation: .none)
      configuration.momentum = momentum
      configuration.weightDecay = weightDecay
      configuration.decaysNormsAndBiases = decaysNormsAndBiases
      configuration.greatestNorm = greatestNorm
      configuration.frozenParts = frozenParts
      (configuration.preNMSTopN, configuration.postNMSTopN) = (preNMSTopN, postNMSTopN)
      return configuration
    }
  }

  /// Opens a case.
  public init(_ folder: URL) throws { recorded = try RecordedCase(folder) }

  /// The case's folder name.
  public var name: String { recorded.name }

  /// The cases in a folder, by name.
  public static func all(in folder: URL) throws -> [TrainingGolden] {
    try recordedCases(in: folder).map { try TrainingGolden($0) }
  }

  /// Takes the ten steps and compares the losses of each, and every parameter and statistic after
  /// the last.
  ///
  /// - Parameter fixtures: the package's `Fixtures`
  public func check(fixtures: URL) throws -> [GoldenResult] {
    let file = fixtures.appending(path: "weights/nuclei.safetensors")
    let first = try MaskRCNNModel(contentsOf: file)
    var trainer = Trainer(first, recorded.how.configuration)
    (trainer.anchorSampling, trainer.roiSampling) = (.all, .all)
    let image = try readImage(fixtures.appending(path: "images/nuclei.png")).pixels
    let labels = try ImageAnnotations(
      labelMap: readBytes(of: fixtures.appending(path: "images/nuclei-labels.png")),
      name: "nuclei-labels.png")
    let whole = try TrainingSample(labels.image, pixels: image, name: "nuclei", classes: [1: 1])
    var losses: [Float] = []
    for windows in recorded.how.crops {
      let samples = windows.map { crop in
        whole.cropped(
          to: Window(crop[0], crop[1], crop[0] + crop[2], crop[1] + crop[3]),
          leastPixels: recorded.how.leastPixels)
      }
      let batch = try TrainingBatch(
        samples, trainer.model.settings, seeds: samples.map { _ in 0 })
      losses += try trainer.step(on: batch).losses
    }
    let theirs = try recorded.tensor("losses").values
    func lossResult(_ steps: Range<Int>, _ name: String, _ tolerance: Tolerance) -> GoldenResult {
      let places = steps.lowerBound * 5..<min(steps.upperBound * 5, theirs.count, losses.count)
      let range = theirs.map { Double(abs($0)) }.max() ?? 1
      return GoldenResult(
        suite: "training/\(self.name)", name: "losses", tensor: name,
        finding: theirs.count == losses.count
          ? .compared(
            TensorDifference(Array(theirs[places]), Array(losses[places]), range: range))
          : .shapes([theirs.count], [losses.count]), tolerance: tolerance)
    }
    var results = [
      lossResult(
        0..<1, "the first step", Tolerance(1e-5, "sums of many terms in another order")),
      lossResult(
        1..<theirs.count / 5, "later steps",
        Tolerance(5e-5, "rounding, and ReLUs whose sums are nearly 0, in the steps before")),
    ]
    var (changes, flips): ([GoldenResult], Int) = ([], 0)
    for (slot, value) in trainer.model.parameters.parameters {
      let (whole, change) = try compare(slot.name, value)
      results.append(whole)
      guard var change else { continue }
      if !change.passes, flips < Self.allowedFlips {
        let isSmall = change.finding.difference.map { $0.relative <= Double(Self.flip) } ?? false
        flips += 1
        if isSmall {
          change.tolerance = Tolerance(Self.flip, "a ReLU took the other side in one of the steps")
        }
      }
      changes.append(change)
    }
    return results + changes
  }

  /// In how many parameters' changes a ReLU whose sum is nearly 0 may show: which side it takes depends
  /// on how the processor rounds. Compiled for x86-64-v3, two biases of one block that have the same
  /// gradient are off by 3.6e-3 of their change.
  private static let allowedFlips = 4
  /// By how much of its change such a parameter may be off.
  private static let flip: Float = 1e-2

  /// How many parameters and statistics the reference has.
  public var parameterCount: Int { recorded.tensors.keys.count { $0.hasSuffix("#limits") } }

  /// Compares the recorded elements of a parameter with ours: as parts of the parameter's range,
  /// and as parts of how far it has moved, which is less. There, what 32 bits round at the
  /// parameter's own magnitude in ten steps is allowed besides.
  private func compare(
    _ name: String, _ ours: Tensor
  ) throws -> (whole: GoldenResult, change: GoldenResult?) {
    let theirs = try recorded.tensor(name).values
    let limits = try recorded.tensor(name + "#limits").values
    let samples = theirs.indices.map { ours.values[$0 * ours.count / max(1, theirs.count)] }
    let (range, moved, noise) = (limits[0], limits[1], limits[2])
    func result(_ kind: String, _ extent: Float, _ tolerance: Float) -> GoldenResult {
      GoldenResult(
        suite: "training/\(self.name)", name: kind, tensor: name,
        finding: .compared(TensorDifference(theirs, samples, range: Double(extent))),
        tolerance: Tolerance(
          tolerance, "ten steps in 32 bits; torchvision's own are off by \(noise)"))
    }
    // A frozen parameter does not move.
    return (
      result("parameters", range, 1e-4),
      moved > 0 ? result("changes", moved, 1e-3 + 3 * noise / moved) : nil
    )
  }
}
