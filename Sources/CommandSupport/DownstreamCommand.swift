import Annotations
import ArgumentParser
import Experiments
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
    discussion: "Nothing is written. Guide: chapter 4. Source: Sources/Experiments.")

  @Option(help: "The trace's folder, with the stages input, backbone, anchors and proposals.")
  var trace = "trace"
  @OptionGroup var truth: TruthOption
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var threads: ThreadOptions

  func run() throws {
    kernels.apply()
    threads.apply()
    let trace = try Trace.open(URL(fileURLWithPath: trace))
    let objects = try trueObjects(of: trace, file: truth.file)
    let result = try Downstream(
      trace, LoadedModel(trace, weights, isRecorded: false).get(), truth: objects)
    print(result.report(truth: truth.file ?? Bundled.labels(of: trace)))
  }
}

/// The objects that there are in a trace's image.
struct TruthOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The true objects: a grey PNG of 8 or 16 bits, 0 for the background, a number per object. "
        + "Default: the bundled labels where the trace is of the bundled image.",
      valueName: "labels.png"))
  var truth: String?

  /// The file; nil where none was named.
  var file: URL? { truth.map { URL(fileURLWithPath: $0) } }
}

/// The objects that a file says there are in a trace's image; without a file those of the bundled
/// image, where the trace is of it.
///
/// - Throws: `Fault` if the file is no label map of the image's size.
func trueObjects(of trace: Trace, file: URL?) throws -> [MaskRegion]? {
  guard trace.has(InputStage.name) else { return nil }
  return try (file ?? Bundled.labels(of: trace)).map { file in
    let image = try InputSizes(trace.current(InputStage.name)).original
    return try trueObjects(
      readBytes(of: file), name: file.relativePath, width: image.width, height: image.height)
  }
}

extension Bundled {
  /// The true objects of the bundled image, if a trace is of it or of a copy of it.
  static func labels(of trace: Trace) -> URL? {
    guard let file = trace.image,
      FileManager.default.contentsEqual(atPath: file.path, andPath: image.path)
    else { return nil }
    return fixtures.appending(path: "images/nuclei-labels.png")
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
      var cells = [outcome.name, String(outcome.boxes.count)]
      cells +=
        index == 0
        ? ["", ""]
        : [String(agreements[index].matched), decimals(Double(agreements[index].meanOverlap), 4)]
      if let score = truthScores.indices.contains(index) ? truthScores[index] : nil {
        cells += [score.matchedAtHalf, score.unmatchedAtHalf, score.matchedAtThreeQuarters]
          .map(String.init)
        cells += [score.meanOfMatched, score.meanOfBest].map { decimals(Double($0), 4) }
        cells.append(decimals(Double(score.meanAreaRatio), 2))
      }
      table.add(cells)
    }
    var lines = [table.text, ""]
    if let truth, let objects = truthScores.first?.objects {
      lines += [
        "Truth: \(objects) objects in \(truth.lastPathComponent). Masks are matched one to one by "
          + "falling score; \"best per object\" is the mean over all objects, missed ones as 0; "
          + "area is the matched masks' over the objects'.",
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
      "\(decimals(Double(values.min() ?? 0), 1)) to \(decimals(Double(values.max() ?? 0), 1))"
    }
    guard !shifts.isEmpty else { return "There are no proposals, so rounding moves none." }
    let near = shifts.flatMap { [$0.left, $0.top] }
    let far = shifts.flatMap { [$0.right, $0.bottom] }
    let size = near.reduce(0) { $0 + Double(abs($1)) } / Double(near.count)
    let outward = far.reduce(0) { $0 + Double($1) } / Double(far.count)
    return "Rounding to cells moves left and upper edges of the \(shifts.count) proposals by "
      + "\(range(near)) pixels (\(decimals(size, 2)) on average, either way), right and lower ones "
      + "by \(range(far)) (\(decimals(outward, 2)) on average, outward)."
  }
}
