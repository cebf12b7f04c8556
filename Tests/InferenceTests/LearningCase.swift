import Annotations
import Foundation
import Inference
import Model
import Stage7Targets
import Tensors
import TestFixtures
import Tracing
import WeightFiles

/// The case whose targets, losses and gradients torchvision recorded in training mode.
enum LearningCase {
  static let folder = fixturesFolder.appending(path: "golden/learning/bundled")
  static let image = folder.appending(path: "image.png")

  static func model() throws -> MaskRCNNModel {
    try MaskRCNNModel(contentsOf: fixturesFolder.appending(path: "weights/nuclei.safetensors"))
  }

  static func truth(_ model: MaskRCNNModel) throws -> LabelledImage {
    let truth = folder.appending(path: "truth.json")
    let annotations = try ImageAnnotations(contentsOf: truth, image: "image.png")
    return LabelledImage(
      try annotations.labelled(by: model.settings, label: nil), file: "truth.json",
      checksum: Checksum.crc32(try readBytes(of: truth)))
  }

  /// Runs the stages of inference up to the RoIs, with as many proposals as the case has.
  static func trace(in folder: URL, _ model: MaskRCNNModel) throws -> Trace {
    let trace = try Trace.openOrBegin(folder.appending(path: "trace"))
    var stages = InferenceStages(model, image: image)
    stages.proposals.options.preNMSTopN = 50
    stages.proposals.options.postNMSTopN = 120
    for stage in stages.all[...4] { try stage.run(in: trace, figures: false) }
    return trace
  }

  /// Runs stage 7 too, on every positive and negative box, as the case does.
  static func traceWithTargets(in folder: URL, _ model: MaskRCNNModel) throws -> Trace {
    let trace = try trace(in: folder, model)
    var targets = TargetsStage(try truth(model), classNames: model.settings.classNames)
    targets.options.sample = .all
    try targets.run(in: trace, figures: false)
    return trace
  }
}
