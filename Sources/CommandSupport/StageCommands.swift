import ArgumentParser
import Foundation
import Model
import Stage0Input
import Stage3Proposals
import Stage5Heads

// One command per stage. Each serves twice: as an executable of its own, and as a subcommand of
// maskrcnn.

/// What the commands of all stages have in common: a number, and options that change its stage.
protocol StageCommand: ParsableCommand {
  static var number: Int { get }
  var image: ImageArgument { get }
  var trace: TraceOptions { get }
  var weights: WeightsOptions { get }
  var kernels: KernelOptions { get }
  func configure(_ pipeline: inout Pipeline)
}

extension StageCommand {
  package func run() throws {
    var pipeline = try Pipeline(
      trace, weights: weights, kernels: kernels, begins: image.file != nil)
    configure(&pipeline)
    if let file = image.file, Self.number > 0 {
      print("Running the stages 0 to \(Self.number - 1) on \(file.relativePath) first.\n")
      for number in 0..<Self.number { try pipeline.run(number, image: file) }
    }
    try pipeline.run(Self.number, image: image.file)
    try pipeline.report()
  }
}

/// `input`: stage 0.
package struct InputCommand: StageCommand {
  package static let configuration = CommandConfiguration(
    commandName: "input",
    abstract: "Stage 0: decode an image, normalise, resize and pad it.",
    discussion: "Guide: chapter 0. Source: Sources/Stage0Input.")
  static let number = 0

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  @Option(parsing: .unconditional, help: "Resize the shorter side to this many pixels.")
  var minSize: Int?
  @Option(parsing: .unconditional, help: "But the longer side to at most this many.")
  var maxSize: Int?
  @Option(parsing: .unconditional, help: "Or resize both sides by this factor.")
  var scale: Double?

  package init() {}

  package func validate() throws {
    let (lengths, factors) = (ModelSettings.Resize.lengths, ModelSettings.Resize.factors)
    for side in [minSize, maxSize].compactMap({ $0 }) where !lengths.contains(side) {
      throw ValidationError(
        "A side of \(side) pixels; give a number from \(lengths.lowerBound) to "
          + "\(lengths.upperBound).")
    }
    guard scale == nil || (minSize == nil && maxSize == nil) else {
      throw ValidationError("--scale and --min-size or --max-size exclude each other.")
    }
    if let scale, !factors.contains(scale) {
      throw ValidationError(
        "--scale is \(scale); give a number from \(factors.lowerBound) to \(factors.upperBound).")
    }
  }

  package func run() throws {
    var pipeline = try Pipeline(trace, weights: weights, kernels: kernels, begins: true)
    configure(&pipeline)
    try pipeline.run(Self.number, image: image.file)
    try pipeline.report()
  }

  func configure(_ pipeline: inout Pipeline) {
    pipeline.input = { stage in
      if let scale {
        stage.resize = .factor(scale)
      } else if minSize != nil || maxSize != nil {
        // Alone, one keeps torchvision's proportion to the other.
        stage.resize = .sides(
          shorter: minSize ?? (maxSize ?? 1333) * 800 / 1333,
          longer: maxSize ?? (minSize ?? 800) * 1333 / 800)
      }
    }
  }
}

/// `backbone`: stage 1.
package struct BackboneCommand: StageCommand {
  package static let configuration = CommandConfiguration(
    commandName: "backbone",
    abstract: "Stage 1: feature maps C2 to C5 of the trunk and P2 to P6 of the pyramid.",
    discussion: "Guide: chapter 1. Source: Sources/Stage1Backbone.")
  static let number = 1

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  @Flag(help: "Keep the output of every residual block too.")
  var blocks = false

  package init() {}

  func configure(_ pipeline: inout Pipeline) { pipeline.keepsBlocks = blocks }
}

/// `anchors`: stage 2.
package struct AnchorsCommand: StageCommand {
  package static let configuration = CommandConfiguration(
    commandName: "anchors",
    abstract: "Stage 2: anchors at every cell, with objectness and deltas.",
    discussion: "Guide: chapter 2. Source: Sources/Stage2Anchors.")
  static let number = 2

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  package init() {}

  func configure(_ pipeline: inout Pipeline) {}
}

/// `proposals`: stage 3.
package struct ProposalsCommand: StageCommand {
  package static let configuration = CommandConfiguration(
    commandName: "proposals",
    abstract: "Stage 3: candidates decoded, clipped, filtered and suppressed; the ledger of all.",
    discussion: "Guide: chapter 3. Source: Sources/Stage3Proposals.")
  static let number = 3

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  @Option(
    name: .customLong("pre-nms-top-n"), parsing: .unconditional,
    help: "Candidates of each level, those with the highest logits, that enter NMS.")
  var preNMSTopN = 1000
  @Option(
    parsing: .unconditional, help: "IoU over which the lower-scored of two boxes is suppressed.")
  var nmsThreshold = 0.7
  @Option(
    name: .customLong("post-nms-top-n"), parsing: .unconditional,
    help: "Proposals of all levels together that are kept after NMS.")
  var postNMSTopN = 1000
  @Option(
    name: .customLong("min-size"), parsing: .unconditional,
    help: "Boxes with a side below this many input pixels are dropped.")
  var minimumSize: Float = 1e-3

  package init() {}

  package func validate() throws {
    guard preNMSTopN > 0, postNMSTopN > 0 else {
      throw ValidationError("--pre-nms-top-n and --post-nms-top-n are at least 1.")
    }
    guard minimumSize >= 0, minimumSize.isFinite else {
      throw ValidationError("--min-size is \(minimumSize); give a number from 0.")
    }
    guard (0...1).contains(nmsThreshold) else {
      throw ValidationError("--nms-threshold is \(nmsThreshold); give a number from 0 to 1.")
    }
  }

  func configure(_ pipeline: inout Pipeline) {
    pipeline.proposals = ProposalsStage(
      ProposalOptions(
        preNMSTopN: preNMSTopN, minimumSize: minimumSize, nmsThreshold: nmsThreshold,
        postNMSTopN: postNMSTopN,
        deltaOrder: .xFirst))
  }
}

/// `roi`: stage 4, and what shows how its operators differ.
package struct RoICommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "roi",
    abstract: "Stage 4: features of every proposal by RoIPool, RoIWarp or RoIAlign.",
    discussion: """
      Without a subcommand: run, whose options roi run --help lists.
      Guide: chapter 4. Source: Sources/Stage4RoI.
      """,
    subcommands: [RoIRunCommand.self, SweepCommand.self], defaultSubcommand: RoIRunCommand.self)

  package init() {}
}

/// `roi run`, the default: stage 4.
struct RoIRunCommand: StageCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Read the features of every proposal.")
  static let number = 4

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var roiOperator: OperatorOptions

  func configure(_ pipeline: inout Pipeline) { pipeline.roiOperator = roiOperator.roiOperator }
}

/// `heads`: stage 5.
package struct HeadsCommand: StageCommand {
  package static let configuration = CommandConfiguration(
    commandName: "heads",
    abstract: "Stage 5: class scores, refined boxes, detections and a mask per class.",
    discussion: "Guide: chapter 5. Source: Sources/Stage5Heads.")
  static let number = 5

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  @Option(
    parsing: .unconditional,
    help: """
      A class counts for a proposal only with a score over this. Default: what the weight file \
      says, or 0.05.
      """)
  var scoreThreshold: Float?
  @Option(
    parsing: .unconditional,
    help: "IoU over which the lower-scored of two boxes of a class is suppressed.")
  var nmsThreshold = 0.5
  @Option(
    parsing: .unconditional,
    help: "Detections kept at most. Default: what the weight file says, or 100.")
  var detectionsPerImage: Int?

  package init() {}

  package func validate() throws {
    guard (0...1).contains(nmsThreshold), (0...1).contains(scoreThreshold ?? 0) else {
      throw ValidationError("A threshold is a number from 0 to 1.")
    }
    guard detectionsPerImage ?? 1 > 0 else {
      throw ValidationError("--detections-per-image is at least 1.")
    }
  }

  func configure(_ pipeline: inout Pipeline) {
    pipeline.heads = { stage in
      stage.settings.nmsThreshold = nmsThreshold
      if let scoreThreshold { stage.settings.scoreThreshold = scoreThreshold }
      if let detectionsPerImage { stage.settings.detectionsPerImage = detectionsPerImage }
    }
  }
}

/// `masks`: stage 6.
package struct MasksCommand: StageCommand {
  package static let configuration = CommandConfiguration(
    commandName: "masks",
    abstract: "Stage 6: masks pasted back into the image; detections as COCO JSON.",
    discussion: "Guide: chapter 6. Source: Sources/Stage6Masks.")
  static let number = 6

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions

  @Option(
    parsing: .unconditional, help: "A pixel belongs to an object if its probability is greater.")
  var threshold: Float = 0.5

  package init() {}

  package func validate() throws {
    guard (0...1).contains(threshold) else {
      throw ValidationError("--threshold is \(threshold); give a number from 0 to 1.")
    }
  }

  func configure(_ pipeline: inout Pipeline) { pipeline.maskThreshold = threshold }
}
