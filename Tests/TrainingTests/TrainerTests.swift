import Foundation
import Kernels
import Model
import Tensors
import TestFixtures
import Testing

@testable import Training

@Suite struct TrainerTests {
  @Test("the loss falls")
  func learning() throws {
    var configuration = tinyConfiguration(steps: 30, rate: 0.05)
    configuration.augmentation = .none
    var trainer = Trainer(try tinyModel(), configuration)
    // The same two scenes in every step.
    let batch = try configuration.batch(ofStep: 0, from: tinyScenes, trainer.model.settings)
    let first = try trainer.step(on: batch).total
    var last = first
    while trainer.step < 30 { last = try trainer.step(on: batch).total }
    #expect(last < 0.7 * first, "\(first) to \(last)")
  }

  @Test("a resumed run has the bits of an uninterrupted one", arguments: NormTraining.allCases)
  func resumed(norms: NormTraining) throws {
    try withTemporaryFolder { folder in
      let configuration = tinyConfiguration(steps: 5, norms: norms)
      var whole = Trainer(try tinyModel(), configuration)
      try whole.train(on: tinyScenes, until: 5)
      var begun = Trainer(try tinyModel(), configuration)
      try begun.train(on: tinyScenes, until: 2)
      let file = folder.appending(path: "checkpoint.safetensors")
      try Checkpoint.write(begun, to: file)
      var resumed = try Checkpoint.read(file)
      #expect(resumed.step == 2 && resumed.configuration == configuration)
      try resumed.train(on: tinyScenes, until: 5)
      #expect(resumed.model.parameters.elements == whole.model.parameters.elements)
      #expect(resumed.optimizer.velocity.elements == whole.optimizer.velocity.elements)
      #expect(resumed.average?.parameters.elements == whole.average?.parameters.elements)
      #expect(resumed.model.parameters.elements != begun.model.parameters.elements)
    }
  }

  @Test("bits do not depend on the number of threads")
  func threads() throws {
    let before = Threads.count
    defer { Threads.count = before }
    var results: [[Float]] = []
    for count in [1, 2, 5] {
      Threads.count = count
      var trainer = Trainer(try tinyModel(), tinyConfiguration(steps: 3))
      try trainer.train(on: tinyScenes, until: 3)
      results.append(trainer.model.parameters.elements)
    }
    #expect(results[1] == results[0] && results[2] == results[0])
  }

  @Test("a step that diverges names loss and images, and changes nothing")
  func divergence() throws {
    let configuration = tinyConfiguration(steps: 9)
    var model = try tinyModel()
    let bias = model.boxHead.classLogits.bias?.shape ?? [0]
    model.boxHead.classLogits.bias = Tensor(bias, repeating: .nan)
    var trainer = Trainer(model, configuration)
    let batch = try configuration.batch(ofStep: 0, from: tinyScenes, model.settings)
    let fault = #expect(throws: Fault.self) { try trainer.step(on: batch) }
    let text = try #require(fault).description
    for word in ["step 1", "loss_classifier is nan", batch.names[0], batch.names[1], "rate"] {
      #expect(text.contains(word), "\(text)")
    }
    #expect(trainer.step == 0)

    model.boxHead.classLogits.bias = Tensor(bias, (0..<bias.count).map { $0 == 0 ? -1e4 : 0 })
    trainer = Trainer(model, configuration)
    let grown = #expect(throws: Fault.self) { try trainer.step(on: batch) }
    #expect(grown?.description.contains("the loss has grown to") == true)
    #expect(trainer.model.parameters.elements == model.parameters.elements)
  }

  @Test("an image without objects is learned from")
  func empty() throws {
    let configuration = tinyConfiguration(steps: 2)
    let sample = TrainingSample(
      name: "empty", image: Tensor([3, 64, 64], repeating: 0.5), objects: [])
    var trainer = Trainer(try tinyModel(), configuration)
    let batch = try TrainingBatch([sample, sample], trainer.model.settings, seeds: [1, 2])
    let report = try trainer.step(on: batch)
    #expect(report.losses[4] == 0 && report.losses[3] == 0 && report.losses[0] > 0)
    #expect(trainer.model.parameters.elements.allSatisfy { $0.isFinite })
  }

  @Test("new classes get new last layers, and everything else stays")
  func classes() throws {
    let model = try tinyModel()
    let other = try model.forClasses(
      ["__background__", "left", "right"], categoryIDs: [0, 7, 9], overrides: [:], seed: 3)
    #expect(other.architecture.classCount == 3 && other.settings.categoryIDs == [0, 7, 9])
    #expect(other.boxHead.classLogits.weight.shape == [3, 8])
    #expect(other.boxHead.boxDeltas.weight.shape == [12, 8])
    #expect(other.maskHead.logits.weight.shape == [3, 8, 1, 1])
    #expect(other.backbone.elements == model.backbone.elements)
    #expect(other.maskHead.upsampling.elements == model.maskHead.upsampling.elements)
    let same = try model.forClasses(
      model.settings.classNames, categoryIDs: [], overrides: [:], seed: 3)
    #expect(same.parameters.elements == model.parameters.elements)
  }

  @Test("a checkpoint that is damaged or of something else is refused")
  func damaged() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "checkpoint.safetensors")
      try tinyModel().save(to: file)
      #expect(throws: Fault.self) { try Checkpoint.read(file) }
      try Checkpoint.write(Trainer(try tinyModel(), tinyConfiguration(steps: 2)), to: file)
      let bytes = try Data(contentsOf: file)
      try bytes.dropLast(100).write(to: file)
      #expect(throws: Fault.self) { try Checkpoint.read(file) }
    }
  }
}
