import ArgumentParser
import Foundation
import Inference
import Stage1Backbone
import Stage4RoI
import Stage6Masks

/// `maskrcnn run`, the default: every stage on one image, or the detections of several.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run every stage on an image (default: the bundled one).",
    discussion: """
      Where the truth about the image is known, the stages of learning follow those of inference.
      With --detections: only the detections of one or several images, as one COCO results file; no \
      trace is made. An image's image_id is the number that its file is called; where one is called \
      otherwise, its place among the images, from 1.
      """)

  @Argument(
    help: ArgumentHelp(
      "A PNG or JPEG image; with --detections several, or folders of them.", valueName: "image"))
  var images: [String] = []
  @Option(
    help: ArgumentHelp(
      "Write the detections of all images to this file, and make no trace.", valueName: "file.json")
  )
  var detections: String?
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var backbone: StageFlags<BackboneOptions>
  @OptionGroup var roi: StageFlags<RoIOptions>
  @OptionGroup var masks: StageFlags<MaskOptions>
  @OptionGroup var truth: TruthOption
  @OptionGroup var label: TruthLabelOption

  func validate() throws {
    try refuseUnknownSubcommands(images, of: MaskRCNNCommand.self)
    guard detections == nil else { return }
    guard images.count < 2 else {
      throw ValidationError(
        "A trace is of one image; name the file for the detections of \(images.count) with "
          + "--detections.")
    }
  }

  func run() throws {
    let files = images.map { URL(fileURLWithPath: $0) }
    if let detections {
      let found = try JointDetections(
        files, to: outputFile(detections, option: "--detections"), roi: roi.given,
        masks: masks.given)
      return try found.run(trace: trace, weights: weights, kernels: kernels)
    }
    let truth = GivenTruth(
      truth, imageID: masks.given.words["image-id"].flatMap { Int($0) }, label: label)
    var pipeline = try Pipeline(
      trace, weights: weights, kernels: kernels, truth: truth, begins: true)
    pipeline.give(backbone.given, to: BackboneStage.self)
    pipeline.give(roi.given, to: RoIStage.self)
    pipeline.give(masks.given, to: MasksStage.self)
    let image = files.first ?? Bundled.image
    let learns = pipeline.truth.isKnown(of: image)
    if learns { try pipeline.checkTruth(of: image) }
    for stage in learns ? AllStages.types : InferenceStages.types {
      try pipeline.run(stage, image: image)
    }
    try pipeline.report()
  }
}
