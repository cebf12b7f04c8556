import Foundation
import Kernels
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors
import TracePage
import Tracing

/// Runs stages of the pipeline in one trace, and tells of each in a line of a table.
struct Pipeline {
  let trace: Trace
  let model: LoadedModel
  private let options: TraceOptions
  private let form: KernelForm
  private let progress = ProgressLine()
  private var table = Table(
    ["stage", "seconds", "tensors", "figures", "what came out"], right: [1, 2, 3])

  /// The stages' options; those of a command's own stage are changed by the command.
  var input: (inout InputStage) -> Void = { _ in }
  var keepsBlocks = false
  var proposals = ProposalsStage()
  var roiOperator = RoIOperator.torchvision
  var heads: (inout HeadsStage) -> Void = { _ in }
  var maskThreshold: Float = 0.5
  /// The objects that there are in the image, where a file says so: for the page.
  var truth: URL?

  init(
    _ options: TraceOptions, weights: WeightsOptions, kernels: KernelOptions, begins: Bool
  ) throws {
    self.options = options
    form = kernels.kernels
    Memory.keepFreed()
    options.threads.apply()
    trace = begins ? try .openOrBegin(options.folder) : try .open(options.folder)
    model = LoadedModel(trace, weights)
  }

  /// Runs one stage.
  ///
  /// - Parameter image: the file that stage 0 reads; nil for the one that the trace is of
  mutating func run(_ number: Int, image: URL? = nil) throws {
    switch number {
    case 0:
      let file = image ?? trace.image ?? Bundled.image
      var stage = InputStage(file: file, settings: try model.get().settings)
      input(&stage)
      trace.setImage(file)
      try run(stage)
    case 1: try run(BackboneStage(try model.get(), keepsBlocks: keepsBlocks))
    case 2: try run(AnchorsStage(try model.get()))
    case 3: try run(proposals)
    case 4: try run(RoIStage(roiOperator))
    case 5:
      var stage = HeadsStage(try model.get())
      heads(&stage)
      try run(stage)
    default: try run(MasksStage(threshold: maskThreshold))
    }
  }

  /// Runs a stage as it is.
  mutating func run<S: Stage>(_ stage: S) throws {
    progress.show(S.name)
    let clock = ContinuousClock()
    let start = clock.now
    defer { progress.clear() }
    let folder = try form.running {
      try stage.run(
        in: trace, recording: ["kernels": .text(form.rawValue)],
        keeping: options.tensors, figures: options.figures
      ) { [progress] in progress.show("\(S.name): \($0)") }
    }
    let seconds = start.duration(to: clock.now) / .seconds(1)
    table.add([
      S.name, decimals(seconds, 2), String(folder.record.tensors.count),
      String(folder.record.figures.count), folder.outcome,
    ])
  }

  /// Makes the page; prints what ran, where to look, and which later stages do not fit any more.
  func report() throws {
    print(table.text)
    let outdated = try trace.outdatedStages()
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
    if !outdated.isEmpty {
      print(
        "\nMade from what stood here before, run them again: \(outdated.joined(separator: ", ")).")
    }
    print("\nLook at \(options.folder.relativePath)/*/figures/*.png")
    if options.page { makePage() }
  }

  /// Makes the trace's page and says where it is. What the stages left stands whether or not a page
  /// can be made of it, so a fault is told and ends nothing.
  private func makePage() {
    progress.show("the page")
    defer { progress.clear() }
    do {
      // What is still in memory is what the files hold only where these hold all of it.
      let shown = options.tensors == .full ? trace : try .open(options.folder)
      let file = try TracePage(shown, model, truth: truth).write()
      progress.clear()
      print("Open \(file.relativePath)")
    } catch {
      progress.clear()
      print("No page could be made: \(error)")
    }
  }
}

/// The model of a trace, loaded when a stage first needs it.
final class LoadedModel {
  private let trace: Trace
  private let options: WeightsOptions
  private let isRecorded: Bool
  private var model: MaskRCNNModel?

  /// - Parameter isRecorded: whether the trace notes that it is made with these weights
  init(_ trace: Trace, _ options: WeightsOptions, isRecorded: Bool = true) {
    self.trace = trace
    self.options = options
    self.isRecorded = isRecorded
  }

  /// Whether the command line says which weights to use.
  var isNamedByUser: Bool { options.weights != nil }

  /// Whether somebody said which weights belong to the trace.
  var isNamed: Bool { model != nil || options.weights != nil || trace.weights != nil }

  /// The settings in place of the weight file's: the trace's, unless other weights are named, and
  /// over them the command line's.
  private var settings: [String: String] {
    let recorded = options.weights == nil ? trace.record.settings ?? [:] : [:]
    return ModelSettings.overrides(options.overrides, over: recorded)
  }

  func get() throws -> MaskRCNNModel {
    if let model { return model }
    let file =
      options.weights.map { URL(fileURLWithPath: $0) } ?? trace.weights ?? Bundled.weights
    let settings = settings
    let loaded = try MaskRCNNModel(contentsOf: file, overrides: settings)
    if isRecorded { trace.setWeights(file, settings: settings) }
    model = loaded
    return loaded
  }
}

extension StageFolder {
  /// What a stage's main tensors hold, in a few words.
  var outcome: String {
    func shape(_ name: String) -> String {
      record.tensors.first { $0.name == name }.map { Shape($0.shape).description } ?? ""
    }
    func count(_ name: String) -> Int {
      record.tensors.first { $0.name == name }?.shape.first ?? 0
    }
    switch record.stage {
    case InputStage.name: return "image \(shape("image")) to input \(shape("padded"))"
    case BackboneStage.name:
      return "C2 \(shape("C2")) … C5 \(shape("C5")), P2 \(shape("P2")) … P6 \(shape("P6"))"
    case AnchorsStage.name:
      let anchors = BackboneStage.levels.reduce(0) { $0 + count("anchors.\($1)") }
      return "\(anchors) anchors on 5 levels"
    case ProposalsStage.name:
      return "\(count("candidates.index")) candidates to \(count("proposals")) proposals"
    case RoIStage.name: return "features \(shape("features"))"
    case HeadsStage.name:
      return "\(count("boxes")) detections, mask logits \(shape("mask_logits"))"
    default: return "\(count("boxes")) masks in an image \(shape("label_map"))"
    }
  }
}
