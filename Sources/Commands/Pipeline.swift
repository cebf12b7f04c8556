import Figures
import Foundation
import Inference
import Kernels
import Stage0Input
import Stage7Targets
import Tensors
import TracePage
import Tracing
import WeightFiles

/// Runs stages of the pipeline in one trace, and tells of each in a line of a table.
struct Pipeline {
  let trace: Trace
  let model: LoadedModel
  private let options: TraceOptions
  private let form: KernelForm
  private let progress = ProgressLine()
  private var table = Table(
    ["stage", "seconds", "tensors", "figures", "what came out"], right: [1, 2, 3])

  /// What the command line gives each stage, by its name.
  private var given: [String: GivenFlags] = [:]
  /// The objects that there are in the image, where a file says so.
  let truth: LoadedTruth

  init(
    _ options: TraceOptions, weights: WeightsOptions, kernels: KernelOptions,
    truth: GivenTruth = GivenTruth(), begins: Bool
  ) throws {
    self.options = options
    form = kernels.kernels
    Memory.keepFreed()
    options.threads.apply()
    trace = begins ? try .openOrBegin(options.folder) : try .open(options.folder)
    model = LoadedModel(trace, weights)
    self.truth = LoadedTruth(trace, truth)
  }

  /// Tells a stage what the command line gives it.
  mutating func give<S: Stage>(_ flags: GivenFlags, to stage: S.Type) { given[S.name] = flags }

  /// Refuses a truth that does not fit its image, before minutes are spent on what comes before.
  ///
  /// - Throws: `Fault` if nobody told what it is, or it cannot be used
  func checkTruth(of image: URL) throws {
    let annotated = try truth.get(of: image, model).image
    let size = try readImage(image).pixels.shape  // [3, H0, W0]
    let whole = ImageSize(height: size[1], width: size[2])
    _ = try ImageTruth(
      annotated, sizes: InputSizes(original: whole, resized: whole, padded: whole))
  }

  /// Runs one stage.
  ///
  /// - Parameter image: the file that stage 0 reads; nil for the one that the trace is of
  mutating func run<S: PipelineStage>(_ type: S.Type, image: URL? = nil) throws {
    let file = image ?? trace.image ?? Bundled.image
    // Only stage 0 reads the file; the others have what stage 0 decoded.
    let found = type is InputStage.Type && image == nil ? try recordedImage() ?? file : file
    var stage = try S.make(
      image: found, model: model.get, truth: { try truth.get(of: file, model) })
    try stage.options.apply(given[S.name] ?? GivenFlags())
    guard type is InputStage.Type else {
      try run(stage)
      return
    }
    let bytes = try readBytes(of: found)
    trace.setImage(found, checksum: Checksum.crc32(bytes))
    let folder = try run(stage)
    let greatest = folder.record.tensors.first { $0.name == "image" }?.maximum ?? 0
    hint(Image.hint(bitDepth: PNG.bitDepth(of: bytes), greatest: greatest), about: found)
  }

  /// The image that the trace records, where it is now; nil where it records none.
  private func recordedImage() throws -> URL? {
    guard let file = trace.image else { return nil }
    return try Bundled.located(
      file, checksum: trace.record.imageChecksum, "the pixels",
      remedy: "Give that image as the argument: input IMAGE")
  }

  /// Runs a stage as it is.
  @discardableResult
  mutating func run<S: Stage>(_ stage: S) throws -> StageFolder {
    progress.show(S.name)
    let clock = ContinuousClock()
    let start = clock.now
    defer { progress.clear() }
    let folder = try trace.namingCommands {
      try form.running {
        try stage.run(
          in: trace, recording: ["kernels": .text(form.rawValue)], keeping: options.tensors,
          figures: options.figures
        ) { [progress] in progress.show("\(S.name): \($0)") }
      }
    }
    let seconds = start.duration(to: clock.now) / .seconds(1)
    table.add([
      S.name, Numerals.decimals(seconds, 2), String(folder.record.tensors.count),
      String(folder.record.figures.count), S.outcome(folder),
    ])
    return folder
  }

  /// Makes the page; prints what ran, where to look, and which stages are stale.
  ///
  /// - Parameter words: what is printed below the table of the stages
  func report(_ words: String? = nil) throws {
    print(table.text)
    if let words { print("\n" + words) }
    warn(truth.problems)
    let stale = try trace.staleStages()
    let weights = try trace.stages.compactMap { name in
      try trace.stage(name).weights.map { (stage: name, source: $0) }
    }
    if let first = weights.first, !weights.allSatisfy({ $0.source.isSame(as: first.source) }) {
      let list = weights.map { "\($0.stage) with \($0.source)" }.joined(separator: ", ")
      print("\nMade with different weights: \(list).")
    }
    let settings = trace.record.settingsInWords
    if !settings.isEmpty {
      print("\nIn place of the weight file's settings: \(settings.joined(separator: ", ")).")
    }
    if !stale.isEmpty { print("\n" + (try staleReport(stale, in: trace))) }
    if options.figures || options.page { print("") }
    if options.figures { print("Look at \(options.folder.relativePath)/*/figures/*.png") }
    if options.page { try makePage() }
  }

  /// Makes the trace's page and says where it is.
  ///
  /// - Throws: `Fault` if no page can be made. The stages' folders are in the trace all the same.
  private func makePage() throws {
    progress.show("the page")
    defer { progress.clear() }
    do {
      // What is still in memory is what the files hold only where these hold all of it.
      let shown = options.tensors == .full ? trace : try .open(options.folder)
      let file = try trace.namingCommands { try TracePage(shown, model, truth: truth).write() }
      progress.clear()
      print("Open \(file.relativePath)")
    } catch let fault as Fault {
      throw Fault(
        fault.subject, "no page could be made: \(fault.problem)", remedy: fault.remedy)
    }
  }
}
