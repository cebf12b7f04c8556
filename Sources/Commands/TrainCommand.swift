import Annotations
import ArgumentParser
import Evaluation
import Figures
import Foundation
import Inference
import Kernels
import Model
import Stage8Losses
import Tensors
import Training

/// `maskrcnn train`: a network learns from the reader's own data, or from scenes of shapes.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a network: on your own images, or on scenes of shapes.",
    discussion: """
      Without --data: scenes of shapes, drawn from the seed. A data folder has train.json and \
      val.json in COCO's format, with images beside them, in images/, or in train/ and val/; or \
      one COCO file, or images/ and labels/ with label maps, divided by split.json. Without \
      --weights a small network is trained from the start; with --weights one is fine-tuned: \
      other classes get new last layers, norms stay as they are. A run leaves its losses, curves, \
      film, checkpoint and network in its folder. Source: Sources/Training.
      """)

  @Option(help: ArgumentHelp("What to learn from. Default: scenes of shapes.", valueName: "folder"))
  var data: String?
  @Option(
    help: ArgumentHelp("Where the network is written too.", valueName: "my.safetensors"))
  var out: String?
  @Flag(help: "With --out: 16 bits for each number, for a file of half the size.")
  var half = false
  @Option(
    help: ArgumentHelp(
      "The network to begin with: a .safetensors or .pth file.", valueName: "file"))
  var weights: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "With --weights: how many parts of the trunk are trained, counted from its end; 0 to 5, 5 "
        + "being all. Default: 3.", valueName: "n"))
  var trainable: Int?
  @Option(
    help: ArgumentHelp(
      "Go on with the run in a folder; the options are those it was begun with.",
      valueName: "folder"))
  var resume: String?
  @Option(
    parsing: .unconditional,
    help: "Steps to take. Default: 6000 on shapes, 1000 otherwise.")
  var steps: Int?
  @Option(parsing: .unconditional, help: "Images per step. Default: 8, with --weights 2.")
  var batch: Int?
  @Option(
    parsing: .unconditional,
    help: "The learning rate after the warm-up. Default: 0.04, with --weights 0.005.")
  var rate: Float?
  @Option(parsing: .unconditional, help: "Where all chance begins. Default: 1.")
  var seed: UInt64?
  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("The run's folder. Default: the next one in runs/.", valueName: "folder"))
  var folder: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Learn from square crops of this side, in image pixels. Default: whole images.",
      valueName: "pixels"))
  var crop: Int?
  @OptionGroup var settings: SettingsOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    let others: [(String, Bool)] = [
      ("--data", data != nil), ("--weights", weights != nil), ("--trainable", trainable != nil),
      ("--steps", steps != nil), ("--batch", batch != nil), ("--rate", rate != nil),
      ("--seed", seed != nil), ("--run", folder != nil), ("--crop", crop != nil),
      ("--set", !settings.overrides.isEmpty), ("--half", half), ("--out", out != nil),
    ]
    if resume != nil, let given = others.first(where: \.1) {
      throw ValidationError("--resume goes on as the run was begun; leave out \(given.0).")
    }
    guard !half || out != nil else {
      throw ValidationError("--half is about the file of --out; give both.")
    }
    guard trainable == nil || weights != nil else {
      throw ValidationError("--trainable is about the network of --weights; give both.")
    }
    func check(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws {
      guard range.contains(value ?? range.lowerBound) else {
        throw ValidationError(
          "\(name) is \(value ?? 0); give \(range.lowerBound) to \(range.upperBound).")
      }
    }
    try check("--trainable", trainable, 0...5)
    try check("--steps", steps, 1...10_000_000)
    try check("--batch", batch, 1...256)
    try check("--crop", crop, 16...10_000)
    guard (0...1000).contains(rate ?? 0) else {
      throw ValidationError("--rate is \(rate ?? 0); give 0 to 1000.")
    }
  }

  func run() throws {
    Memory.keepFreed()
    threads.apply()
    let progress = ProgressLine()
    progress.show("reading")
    defer { progress.clear() }
    let (folder, origin, trainer) = try resume.map(resumed) ?? begun()
    let data = try TrainingData(origin.data, seed: trainer.configuration.seed)
    var training = try TrainingRun(
      trainer, from: data.source, in: folder, film: data.validation.map { Film($0.first) })
    if trainer.step == 0 { try folder.note(origin) }
    progress.clear()
    let (taken, steps) = (trainer.step, trainer.configuration.steps)
    print(
      "\(folder.url.relativePath): \(trainer.model.architecture.trunkName), "
        + "\(trainer.model.architecture.parameterCount) parameters, \(data.words); "
        + (taken < steps ? "steps \(taken + 1) to \(steps)" : "all \(steps) steps are taken"))
    fflush(nil)
    var pace = Pace(trainer.configuration, from: trainer.step)
    try training.run { report, seconds in
      pace.add(report, seconds)
      progress.show(pace.words)
      if pace.isLogged { folder.log(pace.words) }
    }
    progress.clear()
    try finish(training.trainer, data, folder, origin, seconds: pace.seconds, progress)
  }

  /// A run that goes on.
  private func resumed(
    _ path: String
  ) throws -> (RunFolder, RunFolder.Origin, Trainer) {
    let folder = try RunFolder(resumed: path)
    return (folder, try folder.readOrigin(), try Checkpoint.read(folder.checkpoint))
  }

  /// A new run.
  private func begun() throws -> (RunFolder, RunFolder.Origin, Trainer) {
    if let out { _ = try outputFile(out, option: "--out") }
    let origin = RunFolder.Origin(
      data: data.map(Self.absolute), weights: weights.map(Self.absolute),
      out: out.map(Self.absolute), isHalf: half)
    let source = try TrainingData(origin.data, seed: seed ?? 1).checked()
    let model = try firstModel(source)
    return (try RunFolder(new: folder), origin, Trainer(model, configuration))
  }

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }

  /// The network that training begins with.
  private func firstModel(_ source: any SampleSource) throws -> MaskRCNNModel {
    let seed = seed ?? 1
    let overrides = settings.overrides
    if let weights {
      return try MaskRCNNModel(contentsOf: URL(fileURLWithPath: weights)).forClasses(
        source.classNames, categoryIDs: source.categoryIDs, overrides: overrides, seed: seed)
    }
    var settings = MaskRCNNModel.shapesSettings
    if data != nil { settings.resize = .sides(shorter: 512, longer: 854) }
    (settings.classNames, settings.categoryIDs) = (source.classNames, source.categoryIDs)
    return try .small(settings: settings, overrides: overrides, seed: seed)
  }

  /// What the options say.
  private var configuration: TrainingConfiguration {
    let isFineTuned = weights != nil
    let steps = steps ?? (data == nil && !isFineTuned ? 6000 : 1000)
    var configuration = TrainingConfiguration(
      seed: seed ?? 1, steps: steps, imagesPerBatch: batch ?? (isFineTuned ? 2 : 8),
      schedule: LearningRateSchedule(
        rate: rate ?? (isFineTuned ? 0.005 : 0.04), warmUpSteps: min(100, steps / 10),
        decay: .cosine(floor: 0.01)),
      norms: isFineTuned ? .frozen : .batchStatistics,
      augmentation: Augmentation(
        crop: crop, scale: crop == nil ? 1 : 1.4, brightness: 0.2))
    configuration.greatestNorm = 10
    configuration.averageDecay = isFineTuned ? nil : 0.998
    if isFineTuned {
      configuration.frozenParts = 5 - (trainable ?? 3)
    } else {
      (configuration.preNMSTopN, configuration.postNMSTopN) = (500, 300)
      configuration.roisPerImage = 96
    }
    return configuration
  }

  /// Measures the network, writes what is left, and prints where everything is.
  private func finish(
    _ trainer: Trainer, _ data: TrainingData, _ folder: RunFolder, _ origin: RunFolder.Origin,
    seconds: Double, _ progress: ProgressLine
  ) throws {
    if let out = origin.out {
      try trainer.result.save(
        to: URL(fileURLWithPath: out), precision: origin.isHalf ? .float16 : .float32,
        notes: trainer.notes)
    }
    var results: [(name: String, value: String)] = []
    if let validation = data.validation {
      let found = try DetectionResults(
        of: Network(trainer.result), on: validation.dataset, image: validation.pixels,
        report: { progress.show("measuring: image \($0) of \(validation.dataset.images.count)") })
      progress.clear()
      for kind in [OverlapKind.boxes, .masks] {
        let numbers = try COCOEvaluation(validation.dataset, found, EvaluationSettings(kind: kind))
          .summary.prefix(3)
        let words = numbers.map {
          "\($0.key) \($0.value.map { Numerals.decimals($0, 3) } ?? "-")"
        }
        results.append(
          (
            "\(kind.rawValue), \(validation.dataset.images.count) images",
            words.joined(separator: ", ")
          ))
      }
    }
    try RunPage(trainer, folder: folder.url, results: results).write()
    for result in results {
      folder.log("\(result.name): \(result.value)")
      print("\(result.name): \(result.value)")
    }
    print(
      "\(trainer.step) steps; this call took \(Pace.words(seconds)). The network is "
        + (origin.out ?? folder.weights.relativePath)
        + ", the run \(folder.url.appending(path: "index.html").relativePath)")
  }
}
