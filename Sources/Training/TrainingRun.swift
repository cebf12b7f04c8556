import Foundation
import Model
import Tensors

/// A trainer with its data and the folder in which it leaves what it does.
///
///     runs/1/
///       run.json                  where the data come from, for --resume
///       checkpoint.safetensors    what training goes on from
///       losses.csv                a line per step
///       log.txt                   a line now and then
///       weights.safetensors       the network, once training is over
///       curves.png  film/  index.html
public struct TrainingRun {
  /// What is trained.
  public private(set) var trainer: Trainer
  /// Where the samples come from.
  public let source: any SampleSource
  /// The run's folder.
  public let folder: URL
  private var losses: LossTable

  /// Begins a run, or goes on with it, in a folder that is there.
  ///
  /// - Throws: `Fault` if the folder cannot be written to
  public init(_ trainer: Trainer, from source: any SampleSource, folder: URL) throws {
    (self.trainer, self.source, self.folder) = (trainer, source, folder)
    losses = try LossTable(folder.appending(path: "losses.csv"), upTo: trainer.step)
  }

  /// The checkpoint of a run.
  public static func checkpoint(in folder: URL) -> URL {
    folder.appending(path: "checkpoint.safetensors")
  }

  /// Takes all steps that are left. The next step's batch is prepared while a step is computed.
  ///
  /// - Parameter report: called after every step with the trainer, what the step did, and the seconds
  ///   it took
  /// - Throws: `Fault` if a sample cannot be read, the loss diverges, or the disk is full; the last
  ///   checkpoint stays
  public mutating func run(
    report: (Trainer, StepReport, Double) throws -> Void
  ) throws {
    let configuration = trainer.configuration
    guard trainer.step < configuration.steps else { return }
    var next = prefetched(trainer.step)
    let clock = ContinuousClock()
    var start = clock.now
    while trainer.step < configuration.steps {
      let batch = try next.value()
      if trainer.step + 1 < configuration.steps { next = prefetched(trainer.step + 1) }
      let done = try trainer.step(on: batch)
      let now = clock.now
      let seconds = start.duration(to: now) / .seconds(1)
      start = now
      try losses.append(done, seconds: seconds)
      if done.step % configuration.checkpointInterval == 0 || done.step == configuration.steps {
        try Checkpoint.write(trainer, to: TrainingRun.checkpoint(in: folder))
      }
      try report(trainer, done, seconds)
    }
  }

  private func prefetched(_ step: Int) -> Prefetch<TrainingBatch> {
    let (configuration, source) = (trainer.configuration, source)
    let settings = trainer.model.settings
    return Prefetch { try configuration.batch(ofStep: step, from: source, settings) }
  }
}
