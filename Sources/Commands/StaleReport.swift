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
  /// What something makes of the trace; where it fails and running a stage again helps, the fault
  /// names the command that does so.
  func namingCommands<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let fault as Fault {
      throw withRefreshCommand(fault)
    }
  }

  /// A fault in a stage's folder that goes away when the stage is run again, with the command that
  /// does so with the options it ran with, or of the stale stage that must run before it; other
  /// faults as they are.
  private func withRefreshCommand(_ fault: Fault) -> Fault {
    // A damaged record tells no options: the fault then keeps the command that it has.
    guard fault.remedy.hasPrefix(StageFolder.runAgain),
      let place = stage(holding: fault.subject), let stale = try? staleStages()
    else { return fault }
    func isStale(_ name: String) -> Bool { stale.contains { $0.stage == name } }
    var first = place
    while let before = stale.first(where: { $0.stage == first })?.changed.first(where: isStale) {
      first = before
    }
    guard let command = try? refreshCommand(first, in: self, at: folder.relativePath) else {
      return fault
    }
    let keeping = fault.remedy.contains("--tensors full") ? " --tensors full" : ""
    return Fault(
      fault.subject, fault.problem,
      remedy: first == place
        ? "\(StageFolder.runAgain): \(command)\(keeping)"
        : "Run the stage \(first) again first: \(command)")
  }
}
