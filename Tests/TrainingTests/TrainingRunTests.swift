import Foundation
import Model
import Tensors
import TestFixtures
import Testing

@testable import Training

@Suite struct TrainingRunTests {
  private func run(_ trainer: Trainer, _ folder: RunFolder) throws -> TrainingRun {
    try TrainingRun(
      trainer, from: tinyScenes, in: folder, film: Film(try tinyScenes.sample(0).image))
  }

  private struct Killed: Error {}

  @Test("a run that is killed goes on from its checkpoint to the same bits, and leaves everything")
  func killed() throws {
    try withTemporaryFolder { root in
      var configuration = tinyConfiguration(steps: 5)
      configuration.checkpointInterval = 2
      let begun = Trainer(try tinyModel(), configuration)
      var whole = try run(begun, RunFolder(new: root.appending(path: "whole").path))
      try whole.run()

      let folder = try RunFolder(new: root.appending(path: "killed").path)
      var killed = try run(begun, folder)
      #expect(throws: Killed.self) {
        try killed.run { report, _ in if report.step == 3 { throw Killed() } }
      }
      // What a kill in the middle of a line leaves.
      let handle = try FileHandle(forWritingTo: folder.losses)
      try handle.seekToEnd()
      try handle.write(contentsOf: Data("4,0.1".utf8))
      try handle.close()
      let reopened = try RunFolder(resumed: folder.url.path)
      let saved = try Checkpoint.read(reopened.checkpoint)
      #expect(saved.step == 2)
      var resumed = try run(saved, reopened)
      try resumed.run()

      #expect(
        resumed.trainer.model.parameters.elements == whole.trainer.model.parameters.elements)
      #expect(
        try Data(contentsOf: folder.weights) == Data(contentsOf: whole.folder.weights))
      let rows = LossTable.rows(folder.losses)
      #expect(rows.map(\.step) == [1, 2, 3, 4, 5])
      let losses = LossTable.rows(whole.folder.losses).map { $0.values.dropLast() }
      #expect(rows.map { $0.values.dropLast() } == losses)
      for name in ["curves.png", "index.html", "film/step-0000000.png", "film/step-0000005.png"] {
        #expect(FileManager.default.fileExists(atPath: folder.url.appending(path: name).path))
      }
      let weights = try MaskRCNNModel(contentsOf: folder.weights)
      #expect(weights.parameters.elements == resumed.trainer.result.parameters.elements)
    }
  }

  @Test("a folder with a run in it is not begun in again, one without is not resumed")
  func folders() throws {
    try withTemporaryFolder { root in
      let path = root.appending(path: "a").path
      let folder = try RunFolder(new: path)
      #expect(throws: Fault.self) { try RunFolder(resumed: path) }
      try folder.note(.init(data: "d", weights: nil, out: nil, isHalf: true))
      // A run that ended before its first checkpoint cannot be gone on with, so it is begun again.
      _ = try RunFolder(new: path)
      try Data().write(to: folder.checkpoint)
      #expect(throws: Fault.self) { try RunFolder(new: path) }
      #expect(try folder.readOrigin().isHalf && folder.readOrigin().data == "d")
    }
  }

  @Test("frames are due at the start, at 10, 30, 100, 300, … and at the end")
  func frames() {
    let due = (0...3500).filter { Film.isDue($0, of: 3500) }
    #expect(due == [0, 10, 30, 100, 300, 1000, 3000, 3500])
  }
}
