import Ablations
import Annotations
import ArgumentParser
import Figures
import Foundation
import Kernels
import Stage0Input
import Tensors
import Tracing

/// `maskrcnn downstream`: what RoIPool and RoIWarp cost in boxes and masks.
struct DownstreamCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "downstream",
    abstract: "Take a trace's proposals through the heads with RoIAlign, RoIPool and RoIWarp.",
    discussion: "Nothing is written. Guide: chapter 4. Source: Sources/Ablations.")

  @Option(help: "The trace's folder, with the stages input, backbone, anchors and proposals.")
  var trace = "trace"
  @OptionGroup var truth: TruthOption
  @OptionGroup var imageID: TruthImageOption
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var threads: ThreadOptions

  func run() throws {
    threads.apply()
    let trace = try Trace.open(URL(fileURLWithPath: trace))
    let truth = LoadedTruth(
      trace, GivenTruth(truth, imageID: imageID.imageID), isRecorded: false)
    let result = try trace.namingCommands {
      let objects = try truth.regions()
      if let file = truth.file, truth.isNamedByUser, objects == nil {
        throw Fault(
          file.relativePath, "there are no objects with masks in it",
          remedy: "Give a label map with a number per object, or annotations with masks")
      }
      return try kernels.kernels.running {
        try Downstream(trace, LoadedModel(trace, weights, isRecorded: false).get(), truth: objects)
      }
    }
    print(result.report(truth: truth.file))
  }
}

extension Downstream {
  /// A line per operator, then what rounding does to the proposals.
  func report(truth: URL?) -> String {
    var table = Table(
      ["operator", "detections", "matched with RoIAlign", "mean IoU"]
        + (truthScores.isEmpty
          ? []
          : [
            "true at 0.5", "not", "at 0.75", "IoU with truth", "best per object", "area",
          ]),
      right: Set(1...9))
    for (index, outcome) in outcomes.enumerated() {
      var cells = [outcome.name, String(outcome.detections.count)]
      cells +=
        index == 0
        ? ["", ""]
        : [
          String(agreements[index].matched),
          Numerals.decimals(Double(agreements[index].meanOverlap), 4),
        ]
      if let score = truthScores.indices.contains(index) ? truthScores[index] : nil {
        cells += [score.matchedAtHalf, score.unmatchedAtHalf, score.matchedAtThreeQuarters]
          .map(String.init)
        cells += [score.meanOfMatched, score.meanOfBest].map { Numerals.decimals(Double($0), 4) }
        cells.append(Numerals.decimals(Double(score.meanAreaRatio), 2))
      }
      table.add(cells)
    }
    var lines = [table.text, ""]
    if let truth, let objects = truthScores.first?.objects {
      lines += [
        "Truth: \(objects) objects in \(truth.lastPathComponent). Masks are matched one to one, in "
          + "descending order of score; \"best per object\" is the mean over all objects, missed "
          + "ones as 0; area is that of the matched masks divided by the objects'.",
        truthScores.allSatisfy { $0.matchedAtHalf == 0 }
          ? "No detection matches the truth: is this a label image of the same objects?"
          : Self.truthCaveat, "",
      ]
    }
    return (lines + [shiftLine, "", Self.caveat]).joined(separator: "\n")
  }

  /// What rounding does to the proposals' edges, in one line.
  private var shiftLine: String {
    func range(_ values: [Float]) -> String {
      "\(Numerals.decimals(Double(values.min() ?? 0), 1)) to \(Numerals.decimals(Double(values.max() ?? 0), 1))"
    }
    guard !shifts.isEmpty else { return "There are no proposals, so rounding moves none." }
    let near = shifts.flatMap { [$0.left, $0.top] }
    let far = shifts.flatMap { [$0.right, $0.bottom] }
    let size = near.reduce(0) { $0 + Double(abs($1)) } / Double(near.count)
    let outward = far.reduce(0) { $0 + Double($1) } / Double(far.count)
    return "Rounding to cells moves left and upper edges of the \(shifts.count) proposals by "
      + "\(range(near)) input pixels (\(Numerals.decimals(size, 2)) on average, either way), "
      + "right and lower ones "
      + "by \(range(far)) (\(Numerals.decimals(outward, 2)) on average, outward)."
  }
}
