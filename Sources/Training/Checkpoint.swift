import Foundation
import Model
import Tensors
import WeightFiles

/// Everything that training goes on from, as one `.safetensors` file: parameters, velocity,
/// averaged weights, step, configuration, the network's settings. Chance needs no state: the batch
/// of a step depends on the seed and the step alone.
///
/// The tensors are called `parameters.NAME`, `velocity.NAME` and `average.NAME`, with torchvision's
/// names. The file appears whole or not at all: it is written beside its place and then renamed.
public enum Checkpoint {
  private static let stepKey = "training.steps"
  private static let configurationKey = "training.configuration"
  private static let remedy = "Resume from another run, or train again"

  /// Writes a trainer's state.
  ///
  /// - Throws: `Fault` if the file cannot be written
  public static func write(_ trainer: Trainer, to file: URL) throws {
    var tensors: [String: Tensor] = [:]
    func add(_ prefix: String, _ tree: MaskRCNNParameters) {
      for (slot, value) in tree.parameters { tensors["\(prefix).\(slot.name)"] = value }
    }
    add("parameters", trainer.model.parameters)
    add("velocity", trainer.optimizer.velocity)
    if let average = trainer.average { add("average", average.parameters) }
    var metadata = try trainer.model.settings.metadata(normEpsilon: trainer.model.normEpsilon)
    metadata[stepKey] = String(trainer.step)
    metadata[configurationKey] = try trainer.configuration.json()
    try Safetensors.write(tensors, metadata: metadata, to: file)
  }

  /// Reads a trainer's state.
  ///
  /// - Throws: `Fault` if the file is no such checkpoint
  public static func read(_ file: URL) throws -> Trainer {
    let saved = try WeightFile.read(file)
    func part(_ prefix: String) -> [String: Tensor] {
      let matches = saved.tensors.filter { $0.key.hasPrefix(prefix + ".") }
      return Dictionary(
        uniqueKeysWithValues: matches.map {
          (String($0.key.dropFirst(prefix.count + 1)), $0.value)
        })
    }
    guard let step = saved.metadata[stepKey].flatMap({ Int($0) }), step >= 0,
      let text = saved.metadata[configurationKey]
    else {
      throw Fault(file.path, "this is no checkpoint of a training run", remedy: remedy)
    }
    let configuration = try TrainingConfiguration(json: Data(text.utf8), name: file.path)
    let settings = saved.metadata.filter { !$0.key.hasPrefix("training.") }
    let model = try MaskRCNNModel(
      weights: WeightFile(name: file.path, tensors: part("parameters"), metadata: settings))
    var trainer = Trainer(model, configuration)
    trainer.optimizer.restore(
      velocity: try model.parameters.replaced(by: part("velocity"), name: file.path))
    if let average = trainer.average {
      trainer.average = WeightAverage(
        try average.parameters.replaced(by: part("average"), name: file.path),
        decay: average.decay)
    }
    trainer.step = step
    return trainer
  }
}

extension TrainingConfiguration {
  /// The configuration as JSON text with sorted keys.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    } catch {
      throw Fault("the configuration", "a number is not finite", remedy: "Correct it")
    }
  }

  /// Reads what `json` wrote.
  ///
  /// - Throws: `Fault` about `name`
  init(json: Data, name: String) throws(Fault) {
    do {
      self = try JSONDecoder().decode(TrainingConfiguration.self, from: json)
    } catch {
      throw Fault(
        name, "its configuration cannot be read",
        remedy: "Resume with the version that wrote it, or train again")
    }
  }
}

extension MaskRCNNParameters {
  /// The tree with other values.
  ///
  /// - Throws: `Fault` about `name` if a value is missing or of another shape
  fileprivate func replaced(
    by values: [String: Tensor], name: String
  ) throws(Fault) -> MaskRCNNParameters {
    var tree = self
    try tree.update { (slot, _) throws(Fault) in
      guard let value = values[slot.name], value.shape == slot.shape else {
        throw Fault(
          name, "\(slot.name) is missing or has another shape",
          remedy: "Resume from another run, or train again")
      }
      return value
    }
    return tree
  }
}
