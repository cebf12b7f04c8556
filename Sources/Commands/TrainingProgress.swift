import Annotations
import Figures
import Foundation
import Scenes
import Stage8Losses
import Tensors
import Training

/// What is learned from, and what the network is measured with.
struct TrainingData {
  /// Images that are not trained on.
  struct Validation {
    let dataset: AnnotatedDataset
    let pixels: (AnnotatedImage) throws -> Tensor
    /// The pixels of the first image.
    let first: Tensor
  }

  let source: any SampleSource
  /// nil where the data have none.
  let validation: Validation?
  private let folder: DatasetSource?
  private let faults: [Fault]

  /// Scenes that a network is measured with.
  private static let scenes = 200

  /// Reads a data folder; without one, scenes of shapes.
  init(_ path: String?, seed: UInt64) throws {
    guard let path else {
      source = SceneSource(seed: seed)
      let (dataset, images) = SceneSource.validation(count: Self.scenes)
      validation = Validation(dataset: dataset, pixels: { images[$0.id - 1] }, first: images[0])
      (folder, faults) = (nil, [])
      return
    }
    let root = URL(fileURLWithPath: path)
    let train = DatasetSource(try ImageFolder(root, .train))
    (source, folder) = (train, train)
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    do {
      // A single file is all learned from.
      let images = isFolder.boolValue ? try ImageFolder(root, .val) : nil
      validation = try images.map { images in
        Validation(
          dataset: images.dataset, pixels: images.pixels,
          first: try images.pixels(images.dataset.images[0]))
      }
      faults = []
    } catch {
      validation = nil
      faults = [
        Fault(
          path, "the network will not be measured: \(error)", remedy: "Give images of val too")
      ]
    }
  }

  /// The source, after everything that is wrong with the data has been listed on standard error.
  ///
  /// - Throws: `Fault` if training cannot begin with such data
  func checked() throws -> any SampleSource {
    let problems = folder?.problems ?? (faults: [], stop: false)
    let shown = 20
    let all = problems.faults + faults
    var lines = all.prefix(shown).map { "Warning: \($0)" }
    if all.count > shown { lines.append("Warning: \(all.count - shown) more like these.") }
    if !lines.isEmpty {
      FileHandle.standardError.write(Data((lines.joined(separator: "\n") + "\n").utf8))
    }
    guard !problems.stop else {
      throw Fault(
        "--data", "training cannot begin with the \(all.count) problems that are listed above",
        remedy: "Correct the data")
    }
    return source
  }

  /// `142 images with 6 classes`
  var words: String {
    let classes = "\(source.classNames.count - 1) classes"
    return source.count.map { "\($0) images with \(classes)" } ?? "scenes of \(classes)"
  }
}

/// How fast training goes, and how far it is.
struct Pace {
  /// Seconds since the call began.
  private(set) var seconds = 0.0
  private let configuration: TrainingConfiguration
  private let first: Int
  private var last: StepReport?
  /// The losses, averaged over about the last 20 steps.
  private var losses: [Float] = []

  init(_ configuration: TrainingConfiguration, from step: Int) {
    (self.configuration, first) = (configuration, step)
  }

  mutating func add(_ report: StepReport, _ seconds: Double) {
    self.seconds += seconds
    last = report
    losses =
      losses.isEmpty
      ? report.losses : zip(losses, report.losses).map { 0.95 * $0 + 0.05 * $1 }
  }

  /// Whether the log has a line about this step.
  var isLogged: Bool {
    guard let step = last?.step else { return false }
    return step == configuration.steps || step % max(1, configuration.checkpointInterval) == 0
  }

  /// `step 120 of 5000: objectness 0.10, rpn_box_reg 0.02, …, total 1.40; 16.1 images/s, 12 min
  /// left`
  var words: String {
    guard let last else { return "" }
    let parts = zip(LossName.allCases, losses).map { name, loss in
      "\(name.rawValue.dropFirst("loss_".count)) \(Numerals.decimals(Double(loss), 3))"
    }
    let taken = last.step - first
    let perStep = seconds / Double(max(1, taken))
    let rate = Double(configuration.imagesPerBatch) / max(perStep, 1e-9)
    let left = Double(configuration.steps - last.step) * perStep
    return "step \(last.step) of \(configuration.steps): \(parts.joined(separator: ", ")), total "
      + "\(Numerals.decimals(Double(losses.reduce(0, +)), 3)); \(Numerals.decimals(rate, 1)) "
      + "images/s, \(Pace.words(left)) left"
  }

  /// `43 s`, `12 min`, `2 h 5 min`
  static func words(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole < 120 { return "\(whole) s" }
    let minutes = (whole + 30) / 60
    return minutes < 120 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }
}
