import Foundation
import Inference
import Model
import Stage0Input
import Stage1Backbone
import Tensors
import Tracing

/// A whole trace that the reference wrote, and the stages run on it again by this package.
public struct TraceGolden {
  /// The case's folder name.
  public let name: String
  private let folder: URL
  private let trace: Trace
  /// The golden trace of the same image that holds the stages which this one does not repeat.
  private let base: Trace
  private let model: MaskRCNNModel

  /// Opens a golden trace and makes the model that it was recorded with: a weight file, or weights
  /// generated from the seed that the trace names.
  ///
  /// - Parameters:
  ///   - folder: `Fixtures/golden/CASE`
  ///   - architectures: `Fixtures/architectures`, the parameter lists of seeded models
  public init(_ folder: URL, architectures: URL) throws {
    name = folder.lastPathComponent
    self.folder = folder
    trace = try Trace.open(folder)
    let beside = trace.image?.deletingLastPathComponent() ?? folder
    base = trace.has(InputStage.name) ? trace : try Trace.open(beside)
    let options = try base.stage(BackboneStage.name).record.options
    if case .integer(let seed)? = options["weightsSeed"],
      case .text(let architecture)? = options["architecture"]
    {
      let list = try ParameterShape.readList(architectures.appending(path: "\(architecture).json"))
      guard let epsilon = options["normEpsilon"]?.number else {
        throw Fault(
          folder.path, "the trace does not record its normEpsilon", remedy: "Record it again")
      }
      model = try MaskRCNNModel(
        weights: SeededWeights.generate(
          list, seed: UInt64(seed), metadata: ["norm_eps": "\(epsilon)"]))
    } else if let weights = trace.weights {
      model = try MaskRCNNModel(contentsOf: weights)
    } else {
      throw Fault(
        folder.path, "the trace names neither weights nor a seed", remedy: "Record it again")
    }
  }

  /// The golden traces in a folder, by name.
  public static func folders(in folder: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      .map { folder.appending(path: $0) }
      .filter { FileManager.default.fileExists(atPath: $0.appending(path: "trace.json").path) }
  }

  /// Whether the reference's tensors are stored whole, so that a stage can read them.
  public func isWhole() throws -> Bool {
    try trace.stages.allSatisfy {
      try trace.stage($0).record.tensors.allSatisfy { $0.samples == nil }
    }
  }

  /// Runs every stage on what the reference handed to it, and compares: errors never add up.
  public func checkStages() throws -> [GoldenResult] {
    try withScratchFolder { scratch in
      try check(
        suite: name, reading: try whole(in: scratch),
        tolerance: { TraceTolerances.alone($0, $1) })
    }
  }

  /// The trace with the stages of its base, as one trace of links.
  private func whole(in folder: URL) throws -> Trace {
    let files = FileManager.default
    try files.createDirectory(at: folder, withIntermediateDirectories: true)
    for stage in Set(trace.stages + base.stages) {
      let source = trace.has(stage) ? trace : base
      try files.createSymbolicLink(
        at: folder.appending(path: stage), withDestinationURL: source.folder.appending(path: stage))
    }
    try files.copyItem(
      at: trace.folder.appending(path: "trace.json"), to: folder.appending(path: "trace.json"))
    return try Trace.open(folder)
  }

  private func withScratchFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let scratch = FileManager.default.temporaryDirectory
      .appending(path: "golden-\(name)-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: scratch) }
    return try body(scratch)
  }

  /// Runs every stage on what this package's earlier stages computed, and compares at every stage.
  public func checkChain() throws -> [GoldenResult] {
    try check(
      suite: "\(name), chained", reading: nil, tolerance: { TraceTolerances.chained($0, $1) })
  }

  private func check(
    suite: String, reading source: Trace?, tolerance: (String, String) -> Tolerance
  ) throws -> [GoldenResult] {
    try withScratchFolder { scratch in
      let own = try Trace.openOrBegin(scratch)
      var results: [GoldenResult] = []
      for stage in try stages().all {
        let name = type(of: stage).name
        // A chain starts at the image; a stage alone runs only where there is a golden of it.
        guard source == nil || trace.has(name) else { continue }
        let computed = try stage.run(in: own, reading: source, keeping: .none, figures: false)
        guard trace.has(name) else { continue }
        results += try compare(trace.stage(name), computed).compactMap { comparison in
          // The reference keeps no tensor that is only there to be looked at.
          if comparison.finding == .onlySecond { return nil }
          return GoldenResult(
            suite: suite, name: comparison.stage, tensor: comparison.name,
            finding: comparison.finding, tolerance: tolerance(comparison.stage, comparison.name))
        }
      }
      let checked = Set(results.map(\.name))
      if let missing = trace.stages.first(where: { !checked.contains($0) }) {
        throw Fault(
          folder.path, "no stage here computes what \(missing) holds",
          remedy: "Remove the folder, or add the stage")
      }
      return results
    }
  }

  /// The stages with the options that the trace was recorded with. The reference's stage 1 has
  /// none: its record says what the model was made of.
  private func stages() throws -> InferenceStages {
    guard let image = trace.image else {
      throw Fault(
        folder.path, "the trace does not record its image", remedy: "Record it again")
    }
    return try InferenceStages(model, image: image).withOptions { name in
      name == BackboneStage.name ? nil : try (trace.has(name) ? trace : base).stage(name)
    }
  }
}
