import Ablations
import ArgumentParser
import Figures
import Foundation
import Kernels
import Tensors
import Tracing
import Training

extension SmallNetworkLevels: ExpressibleByArgument {}
extension AblationVariant: ExpressibleByArgument {}

/// `maskrcnn ablation`: RoI operators and masks compared in networks trained alike.
struct AblationCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablation",
    abstract: "Train small networks that differ in one thing, the RoI operator or the masks.",
    discussion: """
      One network for every choice of levels, variant and seed, each trained with the same \
      weights at first, the same batches and the same numbers, then measured on images that it did \
      not learn from: the paper's tables 2b to 2e, small. A result is written as soon as a \
      network is done; the same command goes on where it stopped. Source: \
      Sources/Ablations/AblationCase.swift.
      """)

  @Option(help: ArgumentHelp("Where results and runs are.", valueName: "folder"))
  var out = "ablation"
  @Option(
    help: ArgumentHelp(
      "What to learn from, as maskrcnn train takes it. Default: scenes of shapes.",
      valueName: "folder"))
  var data: String?
  @Option(parsing: .unconditional, help: "Steps of training.")
  var steps = 1200
  @Option(parsing: .upToNextOption, help: "The seeds.")
  var seeds: [UInt64] = [1, 2, 3]
  @Option(
    parsing: .upToNextOption,
    help: "What the heads read, of stride-16, stride-32, pyramid. Default: all.")
  var levels = SmallNetworkLevels.allCases
  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Of pool, warp, align-maximum, align-average, softmax-masks (stride 16), mlp-mask-head "
        + "(pyramid). Default: all."))
  var variants = AblationVariant.allCases
  @Flag(help: "Train nothing; show the results that are there.")
  var show = false
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    guard (10...1_000_000).contains(steps) else {
      throw ValidationError("--steps is \(steps); give 10 to 1000000.")
    }
  }

  func run() throws {
    Memory.keepFreed()
    threads.apply()
    let folder = URL(fileURLWithPath: out)
    let file = folder.appending(path: "results.csv")
    var results = try AblationResult.read(file)
    if !show { try train(into: &results, file, runs: folder.appending(path: "runs")) }
    guard !results.isEmpty else {
      throw Fault(file.relativePath, "there are no results", remedy: "Leave out --show")
    }
    print(Self.table(results))
    var figures: [String] = []
    let groups = AblationGroup.groups(results)
    for data in Set(groups.map(\.data)).sorted(by: >) {
      let figure = folder.appending(path: "\(data).png")
      try writeWhole(
        AblationFigure(groups.filter { $0.data == data }).figure.png(), to: figure)
      figures.append(figure.relativePath)
    }
    print("\nThe results are in \(file.relativePath); look at \(figures.joined(separator: ", "))")
  }

  private func train(
    into results: inout [AblationResult], _ file: URL, runs: URL
  ) throws {
    let data = try ablationData()
    let cases = AblationCase.all(levels, variants, seeds: seeds)
    let progress = ProgressLine()
    defer { progress.clear() }
    for (place, one) in cases.enumerated() {
      let isDone = results.contains {
        $0.data == data.name && $0.ablation == one && $0.steps == steps
      }
      if isDone { continue }
      let result = try one.result(
        on: data, steps: steps, in: runs.appending(path: "\(data.name)-\(one.name)"),
        report: { progress.show("\(place + 1) of \(cases.count): \($0)") })
      results.append(result)
      try AblationResult.write(results, to: file)
      progress.clear()
      print(
        "\(data.name), \(one.name): mask AP \(Numerals.decimals(result.maskAP, 3)), "
          + "\(Pace.words(result.seconds))")
      fflush(nil)
    }
  }

  private func ablationData() throws -> AblationData {
    guard let data else { return .shapes() }
    let read = try TrainingData(data, seed: 0)
    let source = try read.checked()
    guard let validation = read.validation else {
      throw Fault(data, "there are no images to measure with", remedy: "Give images of val too")
    }
    return AblationData(
      name: URL(fileURLWithPath: data).lastPathComponent, source: { _ in source },
      validation: validation.dataset, pixels: validation.pixels, crop: 128)
  }

  /// Means over the seeds, with the least and the greatest value.
  private static func table(_ results: [AblationResult]) -> String {
    var table = Table(
      [
        "data", "levels", "variant", "seeds", "mask AP", "AP50", "AP75", "box AP",
        "paper: AP, AP50, AP75",
      ], right: [3])
    for group in AblationGroup.groups(results) {
      func words(_ number: (AblationResult) -> Double) -> String {
        let spread = group.spread(number)
        let numbers = [spread.mean, spread.least, spread.greatest].map {
          Numerals.decimals(100 * $0, 1)
        }
        return "\(numbers[0]) (\(numbers[1]) to \(numbers[2]))"
      }
      table.add([
        group.data, group.levels.rawValue, group.variant.words, String(group.results.count),
        words(\.maskAP), words(\.maskAP50), words(\.maskAP75), words(\.boxAP),
        PaperResult(group.levels, group.variant).map {
          "\($0.ap), \($0.ap50), \($0.ap75) (\($0.table))"
        } ?? "",
      ])
    }
    return table.text
  }
}
