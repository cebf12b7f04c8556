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
  /// The case's folder name.
  public let name: String
  private let folder: URL
  private let reference: WeightFile
  private let how: How

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
  public init(_ folder: URL) throws {
    self.folder = folder
    name = folder.lastPathComponent
    reference = try WeightFile.read(folder.appending(path: "reference.safetensors"))
    how = try JSONDecoder().decode(
      How.self, from: Data(try readBytes(of: folder.appending(path: "how.json"))))
  }

  /// The cases in a folder, by name.
  public static func all(in folder: URL) throws -> [TrainingGolden] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .map { try TrainingGolden(folder.appending(path: $0)) }
  }

  /// Takes the ten steps and compares the losses of each, and every parameter and statistic after
  /// the last.
  ///
  /// - Parameter fixtures: the package's `Fixtures`
  public func check(fixtures: URL) throws -> [GoldenResult] {
    let file = fixtures.appending(path: "weights/nuclei.safetensors")
    let first = try MaskRCNNModel(contentsOf: file)
    var trainer = Trainer(first, how.configuration)
    (trainer.anchorSampling, trainer.roiSampling) = (.all, .all)
    let image = try readImage(fixtures.appending(path: "images/nuclei.png")).pixels
    let labels = try ImageAnnotations(
      labelMap: readBytes(of: fixtures.appending(path: "images/nuclei-labels.png")),
      name: "nuclei-labels.png")
    let whole = try TrainingSample(labels.image, pixels: image, name: "nuclei", classes: [1: 1])
    var losses: [Float] = []
    for windows in how.crops {
      let samples = windows.map { crop in
        whole.cropped(
          to: Window(crop[0], crop[1], crop[0] + crop[2], crop[1] + crop[3]),
          leastPixels: how.leastPixels)
      }
      let batch = try TrainingBatch(
        samples, trainer.model.settings, seeds: samples.map { _ in 0 })
      losses += try trainer.step(on: batch).losses
    }
    var results = [
      GoldenResult(
        suite: "training/\(name)", name: "losses", tensor: "losses",
        finding: .compared(TensorDifference(try tensor("losses").values, losses)),
        tolerance: Tolerance(1e-5, "sums of many terms in another order"))
    ]
    var changes: [GoldenResult] = []
    for (slot, value) in trainer.model.parameters.parameters {
      let (whole, change) = try compare(slot.name, value)
      results.append(whole)
      if let change { changes.append(change) }
    }
    return results + changes
  }

  /// How many parameters and statistics the reference has.
  public var parameterCount: Int { reference.tensors.keys.count { $0.hasSuffix("#limits") } }

  /// Compares the recorded elements of a parameter with ours: as parts of the parameter's range,
  /// and as parts of how far it has moved, which is less. There, what 32 bits round at the
  /// parameter's own magnitude in ten steps is allowed besides.
  private func compare(
    _ name: String, _ ours: Tensor
  ) throws -> (whole: GoldenResult, change: GoldenResult?) {
    let theirs = try tensor(name).values
    let limits = try tensor(name + "#limits").values
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

  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = reference.tensors[name] else {
      throw Fault(
        folder.path, "the reference has no \(name)", remedy: "Record the goldens again")
    }
    return tensor
  }
}
