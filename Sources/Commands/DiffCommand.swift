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
    discussion: """
      Exit code 0 where all tensors agree and no stage is stale (computed from inputs that have \
      changed since), otherwise 1. NaN and infinities agree only with their like, integers, classes \
      and indices only if they are equal; with --tolerance 0 no element may differ.
      """)

  @Argument(help: "A trace.") var first: String
  @Argument(help: "Another.") var second: String
  @Option(help: "Finite floats agree within this part of their tensor's range.")
  var tolerance = TraceComparison.usualTolerance

  func validate() throws {
    guard tolerance >= 0, tolerance.isFinite else {
      throw ValidationError("--tolerance is \(tolerance); give a number from 0.")
    }
  }

  func run() throws {
    let (one, other) = try (
      Trace.open(URL(fileURLWithPath: first)), Trace.open(URL(fileURLWithPath: second))
    )
    let comparison = try one.namingCommands {
      try other.namingCommands { try TraceComparison(one, other) }
    }
    guard !comparison.stages.isEmpty else {
      throw Fault(first, "the two traces have no stage in common", remedy: "Run one in both")
    }
    let compared = comparison.tensors.count - comparison.incomparable
    guard compared > 0 else {
      throw Fault(
        first, "the two traces kept no tensor in common", remedy: "Run them with --tensors full")
    }
    print(comparison.verdict(tolerance: tolerance))
    for (trace, stale) in [(one, comparison.stale.first), (other, comparison.stale.second)]
    where !stale.isEmpty {
      print(try staleReport(stale, in: trace))
    }
    let incomparable = comparison.incomparable
    print(
      incomparable == 0
        ? "" : "\(incomparable) more are in one trace alone or were not kept as files.\n")
    print(comparison.table(tolerance: tolerance).text)
    if !comparison.unmatched.isEmpty {
      print("\nOnly one trace has \(comparison.unmatched.joined(separator: ", ")).")
    }
    if !comparison.agrees(within: tolerance) { throw ExitCode(1) }
  }
}

extension TraceComparison {
  /// Every tensor in a line.
  func table(tolerance: Float) -> Table {
    var table = Table(
      ["stage", "tensor", "compared", "differing", "greatest", "of the range", ""],
      right: [2, 3, 4, 5])
    for tensor in tensors {
      let stale = isStale(tensor.stage) ? "stale" : ""
      switch tensor.finding {
      case .compared(let difference):
        let numbers =
          difference.isCategorical
          ? ["", ""]
          : [difference.greatest, difference.relative].map { Numerals.scientific(Float($0)) }
        let words = [difference.words(within: tolerance), stale].filter { !$0.isEmpty }
        table.add(
          [tensor.stage, tensor.name, String(difference.count), String(difference.differing)]
            + numbers + [words.joined(separator: "; ")])
      case .shapes(let ours, let theirs):
        table.add([tensor.stage, tensor.name, "", "", "", "", "shape \(ours) against \(theirs)"])
      case .types(let ours, let theirs):
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

extension TensorDifference {
  /// The table's remark on the tensor: nothing where all elements are equal.
  fileprivate func words(within tolerance: Float) -> String {
    if differing == 0 { return "" }
    if agrees(within: tolerance) { return "within the tolerance" }
    var words = ["differs"]
    if differingNonFinite > 0 { words.append("\(differingNonFinite) NaN or infinite") }
    if isCategorical {
      words.append("\(Numerals.share(Float(share))) of the elements")
    } else if differingCategories > 0 {
      words.append("\(differingCategories) categories")
    }
    return words.joined(separator: ", ")
  }
}
