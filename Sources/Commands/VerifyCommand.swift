import ArgumentParser
import Figures
import Foundation
import Goldens
import Tensors
import Tracing

/// `maskrcnn verify`: every golden case against the reference, in one table.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare every stage with torchvision's recorded results.",
    discussion: """
      A line per operation and per stage: the greatest difference of any of its tensors, and what \
      is allowed; the greatest parts of the range come first. Exit code 1 where a tensor lies \
      further off.
      """)

  @Flag(help: "A line per tensor.")
  var tensors = false
  @OptionGroup var kernels: KernelOptions

  func run() throws { try kernels.kernels.running(verify) }

  private func verify() throws {
    let progress = ProgressLine()
    let folder = Bundled.fixtures.appending(path: "golden")
    progress.show("operators")
    var results = try OperatorGoldens.check(in: folder.appending(path: "operators"))
    for file in try TraceGolden.folders(in: folder) {
      progress.show(file.lastPathComponent)
      let golden = try TraceGolden(
        file, architectures: Bundled.fixtures.appending(path: "architectures"))
      if try golden.isWhole() { results += try golden.checkStages() }
      results += try golden.checkChain()
    }
    for golden in try LearningGolden.all(in: folder.appending(path: "learning")) {
      progress.show("learning/\(golden.name)")
      results += try golden.check(fixtures: Bundled.fixtures)
    }
    for golden in try TrainingGolden.all(in: folder.appending(path: "training")) {
      progress.show("training/\(golden.name)")
      results += try golden.check(fixtures: Bundled.fixtures)
    }
    progress.clear()
    print(table(results).text + "\n")
    let integers = results.compactMap(\.finding.difference).filter(\.isIntegral)
    print(
      "Integers (suppression, levels, classes, sizes, masks): "
        + "\(integers.reduce(0) { $0 + $1.count }) compared, "
        + "\(integers.reduce(0) { $0 + $1.differing }) differ.")
    func count(_ suite: String, _ name: String) -> Int {
      results.count { $0.suite.hasPrefix(suite) && $0.name == name }
    }
    print(
      "Parameters: gradients of \(count("learning/", "gradients of parameters")) compared, and "
        + "\(count("training/", "parameters")) parameters and statistics after ten steps.")
    let failures = results.filter { !$0.passes }
    for failure in failures { print(failure.summary) }
    if !failures.isEmpty { throw ExitCode(1) }
    print("All \(results.count) tensors agree with the reference.")
  }

  private func table(_ results: [GoldenResult]) -> Table {
    var rows: [(relative: Double, cells: [String])] = []
    var rest = results[...]
    while let first = rest.first {
      let group = rest.prefix {
        $0.suite == first.suite && (first.isOperator || $0.name == first.name)
          && (!tensors || ($0.name, $0.tensor) == (first.name, first.tensor))
      }
      rest = rest.dropFirst(group.count)
      let found = group.compactMap(\.finding.difference)
      let relative = found.map(\.relative).max() ?? 0
      rows.append(
        (
          relative,
          [
            first.suite,
            tensors ? "\(first.name) \(first.tensor)" : first.isOperator ? "" : first.name,
            String(group.count), String(found.reduce(0) { $0 + $1.count }),
            Numerals.scientific(Float(found.map(\.greatest).max() ?? 0)),
            Numerals.scientific(Float(relative)),
            Numerals.scientific(group.map(\.tolerance.relative).max() ?? 0),
          ]
        ))
    }
    var table = Table(
      [
        "golden", tensors ? "tensor" : "part", "tensors", "elements", "greatest", "of the range",
        "allowed",
      ],
      right: [2, 3, 4, 5, 6])
    // The sort is stable: equal rows stay in the pipeline's order.
    for row in rows.sorted(by: { $0.relative > $1.relative }) { table.add(row.cells) }
    return table
  }
}

extension GoldenResult {
  fileprivate var isOperator: Bool { suite.hasPrefix("operators/") }
}
