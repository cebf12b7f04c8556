import Foundation
import Model
import Tracing

/// The model of a trace, loaded when a stage first needs it.
final class LoadedModel {
  private let trace: Trace
  private let options: WeightsOptions
  private let isRecorded: Bool
  private var model: MaskRCNNModel?

  /// - Parameter isRecorded: whether the trace notes that it is made with these weights
  init(_ trace: Trace, _ options: WeightsOptions, isRecorded: Bool = true) {
    self.trace = trace
    self.options = options
    self.isRecorded = isRecorded
  }

  /// Whether the command line says which weights to use.
  var isNamedByUser: Bool { options.weights != nil }

  /// Whether somebody said which weights belong to the trace.
  var isNamed: Bool { model != nil || options.weights != nil || trace.weights != nil }

  /// The settings in place of the weight file's: the trace's, unless other weights are named, and
  /// over them the command line's.
  private var settings: [String: String] {
    let recorded = options.weights == nil ? trace.record.settings ?? [:] : [:]
    return ModelSettings.overrides(options.overrides, over: recorded)
  }

  /// The weights that the trace records, where they are now; nil where it records none.
  private func recordedFile() throws -> URL? {
    guard let file = trace.weights else { return nil }
    let checksum = trace.record.weightsChecksum
    return try Bundled.located(
      file, checksum: checksum, "the weights", remedy: "Give that file with --weights")
  }

  func get() throws -> MaskRCNNModel {
    if let model { return model }
    let file =
      try options.weights.map { URL(fileURLWithPath: $0) } ?? recordedFile() ?? Bundled.weights
    let settings = settings
    let loaded = try MaskRCNNModel(contentsOf: file, overrides: settings)
    warn(loaded.assumptions)
    if isRecorded {
      trace.setWeights(file, checksum: loaded.weightSource.checksum, settings: settings)
    }
    model = loaded
    return loaded
  }
}
