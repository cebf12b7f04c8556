import ArgumentParser
import Inference
import Stage1Backbone
import Stage4RoI

/// `maskrcnn run`, the default: every stage on one image.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run every stage on an image (default: the bundled one).")

  @OptionGroup var image: ImageArgument
  @OptionGroup var trace: TraceOptions
  @OptionGroup var weights: WeightsOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var backbone: StageFlags<BackboneOptions>
  @OptionGroup var roi: StageFlags<RoIOptions>
  @OptionGroup var truth: TruthOption

  func run() throws {
    var pipeline = try Pipeline(trace, weights: weights, kernels: kernels, begins: true)
    pipeline.give(backbone.given, to: BackboneStage.self)
    pipeline.give(roi.given, to: RoIStage.self)
    pipeline.truth = truth.file
    for stage in InferenceStages.types {
      try pipeline.run(stage, image: image.file ?? Bundled.image)
    }
    try pipeline.report()
  }
}
