import Foundation
import Tensors
import TracePage
import Tracing

/// The stale stages of a trace, a line each, with the command that refreshes it.
///
/// - Throws: `Fault` if a record is damaged.
func staleReport(_ stale: [StaleStage], in trace: Trace) throws -> String {
  let place = trace.folder.relativePath
  let lines = try stale.map { stage in
    let command = try refreshCommand(stage.stage, in: trace, at: place)
    return "  \(stage.stage), \(stage.reason): "
      + (command.map { "refresh it with \($0)" } ?? "make the trace again")
  }
  let are = stale.count == 1 ? "One stage of \(place) is stale" : "Stages of \(place) are stale"
  return "\(are), in the order in which to run them again:\n" + lines.joined(separator: "\n")
}

extension Trace {
  /// A fault about a stale stage, with the command that refreshes the stage as it ran; other faults
  /// as they are.
  ///
  /// - Throws: `Fault` if a record is damaged.
  func withRefreshCommand(_ fault: Fault) throws -> Fault {
    let stale = try staleStages().first { try stage($0.stage).folder.path == fault.subject }
    guard let stale,
      let command = try refreshCommand(stale.stage, in: self, at: folder.relativePath)
    else { return fault }
    return Fault(fault.subject, fault.problem, remedy: "Run this one again first: \(command)")
  }
}
