import ArgumentParser
import Figures
import Foundation
import Inference
import Mistakes
import Stage0Input
import Stage8Losses
import Tensors
import TracePage
import Tracing
import WeightFiles

extension Mistake: ExpressibleByArgument {}

/// `maskrcnn break`: a trace with one deliberate mistake in it, compared with a right one.
struct BreakCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "break",
    abstract:
      "Make a trace with one typical mistake in it, and see where it begins and what it does.",
    discussion: """
      The right trace, if there is none of the image yet, is made beside the broken one. Exit code \
      1 where the first stage that differs is not the one in which the mistake was made.
      Source: Sources/Mistakes.
      """)

  @Option(
    help: ArgumentHelp(
      "Which: \(Mistake.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "mistake"))
  var mistake: Mistake
  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @Option(help: "The broken trace's folder. Default: broken/MISTAKE.")
  var into: String?
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  private var folder: URL { URL(fileURLWithPath: into ?? "broken/\(mistake.rawValue)") }

  func run() throws {
    let file = try imageFile()
    try mistake.check(file)
    let right = try rightTrace(of: file)
    guard right.folder.standardizedFileURL.path != folder.standardizedFileURL.path else {
      throw Fault(
        folder.relativePath, "this is the folder of the right trace",
        remedy: "Name another folder with --into")
    }
    var (options, weights) = (trace, weights)
    options.trace = folder.path
    weights.weights = right.weights?.path ?? weights.weights
    var pipeline = try Pipeline(options, weights: weights, kernels: kernels, begins: true)
    let stages = try right.namingCommands {
      try mistake.stages(like: right, image: file, pipeline.model.get()) {
        try pipeline.truth.get(of: file, pipeline.model)
      }
    }
    pipeline.trace.setImage(file, checksum: Checksum.crc32(try readBytes(of: file)))
    for stage in stages { try pipeline.run(stage) }
    try pipeline.trace.setNote(
      "\(mistake.title) Look at \(mistake.symptom) \(mistake.explanation)", of: mistake.stage,
      mistake: mistake.rawValue)
    let finding = try right.namingCommands {
      try MistakeFinding(mistake, right: right, broken: pipeline.trace)
    }
    print(report(finding, right: right.folder))
    if trace.page {
      print("Open \(try TracePage(pipeline.trace, against: right).write().relativePath)")
    }
    guard finding.isWhereItWasMade else {
      let found = finding.firstDifference.map { "the first stage that differs is \($0)" }
      throw Fault(
        folder.relativePath,
        "\(found ?? "no tensor differs"), but the mistake was made in \(mistake.stage)",
        remedy: "Make \(right.folder.relativePath) again, whole and with --tensors full")
    }
  }

  /// The image that was given, or that of the trace; for the exchange of colours one that has some.
  private func imageFile() throws -> URL {
    if let file = image.file { return file }
    let isTrace = FileManager.default.fileExists(
      atPath: trace.folder.appending(path: "trace.json").path)
    let known = isTrace ? try Trace.open(trace.folder).image : nil
    guard mistake == .bgr else { return known ?? Bundled.image }
    if let known, try hasColours(known) { return known }
    return Bundled.fixtures.appending(path: "images/ihc.png")
  }

  /// The trace that was named if it is a whole one of the image, otherwise one beside the broken
  /// trace, made if need be.
  private func rightTrace(of file: URL) throws -> Trace {
    if let found = whole(trace.folder, of: file) { return found }
    let name = "right-\(file.deletingPathExtension().lastPathComponent)"
    let place = URL(
      fileURLWithPath: ((folder.relativePath as NSString).deletingLastPathComponent as NSString)
        .appendingPathComponent(name))
    if let found = whole(place, of: file) { return found }
    print("There is no whole trace of \(file.lastPathComponent) at \(trace.trace).")
    print("Making the right one in \(place.relativePath) first.\n")
    var options = trace
    options.trace = place.path
    var pipeline = try Pipeline(options, weights: weights, kernels: kernels, begins: true)
    for stage in neededStages { try pipeline.run(stage, image: file) }
    return pipeline.trace
  }

  /// The stages that the right trace must have: for a mistake in learning, those up to the losses.
  private var neededStages: ArraySlice<any PipelineStage.Type> {
    mistake.isInLearning
      ? AllStages.types.prefix { $0.number <= LossesStage.number } : InferenceStages.types[...]
  }

  /// The trace in a folder if it has all stages, of this image and with these weights.
  private func whole(_ folder: URL, of file: URL) -> Trace? {
    func areSame(_ a: URL?, _ b: URL) -> Bool {
      a.map { FileManager.default.contentsEqual(atPath: $0.path, andPath: b.path) } ?? false
    }
    guard let trace = try? Trace.open(folder),
      neededStages.allSatisfy({ trace.has($0.name) }),
      trace.record.note == nil,
      (try? trace.outdatedStages()) == [], areSame(trace.image, file),
      weights.weights.map({ areSame(trace.weights, URL(fileURLWithPath: $0)) }) ?? true
    else { return nil }
    return trace
  }

  private func report(_ finding: MistakeFinding, right: URL) -> String {
    var differing = finding.comparison
    differing.tensors.removeAll {
      $0.stage != finding.firstDifference || $0.agrees(within: MistakeFinding.tolerance)
    }
    let agreement = finding.agreement
    func words(_ detections: (all: Int, sure: Int)) -> String {
      "\(detections.all) detections (\(detections.sure) with a score over 0.5)"
    }
    return """
      Mistake:  \(mistake.title)
      Right:    \(right.relativePath), \(words(finding.rightDetections))
      Broken:   \(folder.relativePath), \(words(finding.brokenDetections)); \
      \(agreement.matched) match a right one, with a mean IoU of \
      \(Numerals.decimals(Double(agreement.meanOverlap), 2))

      The first stage that differs is \(finding.firstDifference ?? "none"), in these tensors:

      \(differing.table(tolerance: MistakeFinding.tolerance).text)

      \(trace.figures ? "Look at: " : "Symptom: ") \(mistake.symptom)
      Why:      \(mistake.explanation)

      All of it: maskrcnn diff \(right.relativePath) \(folder.relativePath)
      """
  }
}
