import ArgumentParser
import Figures
import Foundation
import Tensors
import Tracing

/// `maskrcnn diff`: two traces, tensor by tensor.
struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two traces: the first stage that differs, then every tensor.",
    discussion: "Exit code 0 where all tensors agree, 1 where some do not.")

  @Argument(help: "A trace.") var first: String
  @Argument(help: "Another.") var second: String
  @Option(help: "Floats agree within this part of their tensor's range; integers exactly.")
  var tolerance = TraceComparison.usualTolerance

  func validate() throws {
    guard tolerance >= 0, tolerance.isFinite else {
      throw ValidationError("--tolerance is \(tolerance); give a number from 0.")
    }
  }

  func run() throws {
    let comparison = try TraceComparison(
      .open(URL(fileURLWithPath: first)), .open(URL(fileURLWithPath: second)))
    guard !comparison.stages.isEmpty else {
      throw Fault(first, "the two traces have no stage in common", remedy: "Run one in both")
    }
    let compared = comparison.tensors.count - comparison.incomparable
    guard compared > 0 else {
      throw Fault(
        first, "the two traces kept no tensor in common", remedy: "Run them with --tensors full")
    }
    if let stage = comparison.firstDifference(tolerance: tolerance) {
      print("The first stage that differs is \(stage).")
    } else {
      print("All \(compared) tensors agree within \(tolerance) of their range.")
    }
    let incomparable = comparison.incomparable
    print(
      incomparable == 0
        ? "" : "\(incomparable) more stand in one trace alone or were not kept as files.\n")
    print(comparison.table(tolerance: tolerance).text)
    if !comparison.unmatched.isEmpty {
      print("\nOnly one trace has \(comparison.unmatched.joined(separator: ", ")).")
    }
    if comparison.firstDifference(tolerance: tolerance) != nil { throw ExitCode(1) }
  }
}

extension TraceComparison {
  /// Every tensor in a line.
  func table(tolerance: Float) -> Table {
    var table = Table(
      ["stage", "tensor", "compared", "differing", "greatest", "of the range", ""],
      right: [2, 3, 4, 5])
    for tensor in tensors {
      let verdict = tensor.agrees(within: tolerance) ? "" : "differs"
      switch tensor.finding {
      case .compared(let difference):
        table.add([
          tensor.stage, tensor.name, String(difference.count), String(difference.differing),
          Numerals.scientific(difference.greatest), Numerals.scientific(difference.relative),
          verdict,
        ])
      case .shapes(let ours, let theirs):
        table.add([tensor.stage, tensor.name, "", "", "", "", "\(ours) against \(theirs)"])
      case .onlyFirst:
        table.add([tensor.stage, tensor.name, "", "", "", "", "only in the first"])
      case .onlySecond:
        table.add([tensor.stage, tensor.name, "", "", "", "", "only in the second"])
      case .notKept:
        table.add([tensor.stage, tensor.name, "", "", "", "", "not kept as a file"])
      }
    }
    return table
  }
}
