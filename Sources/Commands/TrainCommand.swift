import ArgumentParser
import Foundation
import Kernels
import Model
import Tensors
import Training

/// `maskrcnn train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "train", abstract: "Train.")
  @Option var steps = 1000
  @Option var batch = 8
  @Option var seed: UInt64 = 1
  @Option var rate: Float = 0.02
  @Option var out: String?
  @Option(name: .customLong("run")) var runFolder: String = "runs/1"
  @Option var resume: String?
  @OptionGroup var threads: ThreadOptions

  func run() throws {
    Memory.keepFreed()
    threads.apply()
    let source = SceneSource(seed: seed)
    let folder = URL(fileURLWithPath: resume ?? runFolder)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let trainer: Trainer
    if resume != nil {
      trainer = try Checkpoint.read(TrainingRun.checkpoint(in: folder))
    } else {
      var configuration = TrainingConfiguration(
        seed: seed, steps: steps, imagesPerBatch: batch,
        schedule: LearningRateSchedule(rate: rate, warmUpSteps: 100, decay: .cosine(floor: 0.01)),
        norms: .batchStatistics, augmentation: Augmentation(brightness: 0.2))
      configuration.roisPerImage = 96
      configuration.preNMSTopN = 500
      configuration.postNMSTopN = 300
      configuration.averageDecay = 0.998
      configuration.greatestNorm = 10
      trainer = Trainer(
        try .small(
          classNames: source.classNames, categoryIDs: [], settings: MaskRCNNModel.shapesSettings,
          seed: seed), configuration)
    }
    var training = try TrainingRun(trainer, from: source, folder: folder)
    try training.run { _, report, seconds in
      if report.step % 10 == 0 || report.step < 10 {
        print(report.step, report.losses, report.total, report.gradientNorm, seconds)
        fflush(nil)
      }
    }
    try training.trainer.result.save(to: folder.appending(path: "weights.safetensors"))
  }
}
