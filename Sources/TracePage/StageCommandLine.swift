import Foundation
import Inference
import Stage1Backbone
import Tracing

/// The stage whose folder has a name; nil for a folder of no stage that this version knows.
func stage(named name: String) -> (any PipelineStage.Type)? {
  AllStages.types.first { $0.name == name }
}

extension StageInput {
  /// How the page's template takes it; nil where the trace does not hold the tensor.
  func context(_ trace: Trace) -> [String: String]? {
    guard trace.has(stage), let folder = try? trace.stage(stage) else { return nil }
    let record = folder.record
    // Of the levels that torchvision's models have, those that this network has.
    var (first, last) = (first, last)
    if let usual = last.flatMap({ $0.last?.wholeNumberValue }) {
      let start = String(first.dropLast())
      let levels = folder.levels(start).filter { $0 <= usual || usual == 6 }
      guard let finest = levels.first, let coarsest = levels.last else { return nil }
      (first, last) = ("\(start)\(finest)", finest == coarsest ? nil : "\(start)\(coarsest)")
    }
    func shape(_ name: String) -> String? {
      record.tensors.first { $0.name == name }.map { extents($0.shape) }
    }
    guard let firstShape = shape(first) else { return nil }
    return [
      "stage": stage,
      "name": last.map { "\(first) … \($0)" } ?? first,
      "shape": last.flatMap { shape($0) }.map { "\(firstShape) … \($0)" } ?? firstShape,
    ]
  }
}

extension Trace {
  /// The name of the folder, as a command takes it that is run beside it.
  var name: String { folder.standardizedFileURL.lastPathComponent }
}

/// `1 × 64 × 256 × 256`
func extents(_ shape: [Int]) -> String {
  shape.isEmpty ? "1" : shape.map(String.init).joined(separator: " × ")
}

/// The command that runs a stage again as it ran, in parts between which a line may break; nil
/// where it ran with an option that no command has.
///
/// - Parameter trace: the trace's folder
func command<S: Stage>(_ stage: S.Type, as record: StageRecord, trace: String) -> [String]? {
  guard let flags = S.Options.words(of: record.options) else { return nil }
  let words = flags.map { flag in
    "--\(flag.flag)" + (flag.word.map { " \(quoted($0))" } ?? "")
  }
  let kernels = record.options["kernels"] == .text("plain") ? ["--kernels plain"] : []
  return ["swift run", "-c release", S.command, "--trace \(quoted(trace))"] + words + kernels
}

/// The command that runs a stage of a trace again as it ran, on one line; nil where no command
/// does: a stage that this version does not know, an option that no command has, a deliberate
/// mistake.
///
/// - Parameter place: the trace's folder, as the command is to name it
/// - Throws: `Fault` if the stage's record is damaged.
public func refreshCommand(_ name: String, in trace: Trace, at place: String) throws -> String? {
  let note = trace.record.note
  guard note?.mistake == nil || note?.stage != name, let known = stage(named: name) else {
    return nil
  }
  let record = try trace.stage(name).record
  return command(known, as: record, trace: place)?.joined(separator: " ")
}
