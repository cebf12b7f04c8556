import Figures
import Foundation
import Model
import Tensors
import Tracing

/// A trainer with its data and the folder in which it leaves what it does: checkpoints, losses,
/// curves, a film, and the network.
public struct TrainingRun {
  /// What is trained.
  public private(set) var trainer: Trainer
  /// Where the samples come from.
  public let source: any SampleSource
  /// The run's folder.
  public let folder: RunFolder
  private let film: Film?
  private let losses: LossTable

  /// Begins a run, or goes on with it, in a folder that is there.
  ///
  /// - Parameter film: of an image that is not trained on
  /// - Throws: `Fault` if the folder cannot be written to
  public init(
    _ trainer: Trainer, from source: any SampleSource, in folder: RunFolder, film: Film?
  ) throws {
    (self.trainer, self.source, self.folder, self.film) = (trainer, source, folder, film)
    losses = try LossTable(folder.losses, upTo: trainer.step)
  }

  /// Takes all steps that are left. The next step's batch is prepared while a step is computed.
  ///
  /// - Parameter report: called after every step with what it did and the seconds it took
  /// - Throws: `Fault` if a sample cannot be read, the loss diverges, or the disk is full; the last
  ///   checkpoint stays
  public mutating func run(
    report: (StepReport, Double) throws -> Void = { _, _ in }
  ) throws {
    let configuration = trainer.configuration
    if trainer.step == 0 {
      try film?.write(trainer.result, step: 0, in: folder.url)
      try save()
    }
    guard trainer.step < configuration.steps else { return }
    var next = prefetched(trainer.step)
    let clock = ContinuousClock()
    while trainer.step < configuration.steps {
      let start = clock.now
      let batch = try next.value()
      if trainer.step + 1 < configuration.steps { next = prefetched(trainer.step + 1) }
      let done = try trainer.step(on: batch)
      let seconds = start.duration(to: clock.now) / .seconds(1)
      try losses.append(done, seconds: seconds)
      if Film.isDue(done.step, of: configuration.steps) {
        try film?.write(trainer.result, step: done.step, in: folder.url)
      }
      if done.step % configuration.checkpointInterval == 0 || done.step == configuration.steps {
        try save()
      }
      try report(done, seconds)
    }
  }

  /// Writes the checkpoint, the network as it is, the curves and the page.
  private func save() throws {
    try Checkpoint.write(trainer, to: folder.checkpoint)
    try trainer.result.save(to: folder.weights, notes: trainer.notes)
    let rows = LossTable.rows(folder.losses)
    if rows.count > 1 { try writeWhole(LossCurves(rows).figure.png(), to: folder.curves) }
    try RunPage(trainer, folder: folder.url, results: []).write()
  }

  private func prefetched(_ step: Int) -> Prefetch<TrainingBatch> {
    let (configuration, source) = (trainer.configuration, source)
    let settings = trainer.model.settings
    return Prefetch { try configuration.batch(ofStep: step, from: source, settings) }
  }
}

extension Trainer {
  /// What a weight file's metadata tell of its training.
  public var notes: [String: String] {
    [
      "training.steps": String(step), "training.seed": String(configuration.seed),
      "training.batch": String(configuration.imagesPerBatch),
    ]
  }
}
