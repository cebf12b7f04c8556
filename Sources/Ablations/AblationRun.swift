// Training one network of the ablation and measuring it.

import Annotations
import Evaluation
import Foundation
import Inference
import Model
import Tensors
import Training

/// What the networks of an ablation learn from and are measured with.
public struct AblationData {
  /// What the results call it: `shapes`.
  public let name: String
  /// What is learned from, by the seed of a case.
  public let source: (UInt64) -> any SampleSource
  /// Images that no network learns from.
  public let validation: AnnotatedDataset
  /// The pixels of an image of `validation`, `[3, H, W]`.
  public let pixels: (AnnotatedImage) throws -> Tensor
  /// The side of the crops that are learned from, in image pixels; nil for whole images.
  public let crop: Int?

  /// Takes a data set.
  public init(
    name: String, source: @escaping (UInt64) -> any SampleSource, validation: AnnotatedDataset,
    pixels: @escaping (AnnotatedImage) throws -> Tensor, crop: Int?
  ) {
    (self.name, self.source, self.validation) = (name, source, validation)
    (self.pixels, self.crop) = (pixels, crop)
  }

  /// Scenes of shapes of 128 x 128 pixels; 200 of them, which no seed learns from, to measure with.
  public static func shapes() -> AblationData {
    let side = 128
    let (dataset, images) = SceneSource.validation(count: 200, side: side)
    return AblationData(
      name: "shapes", source: { SceneSource(seed: $0, side: side) }, validation: dataset,
      pixels: { images[$0.id - 1] }, crop: nil)
  }
}

extension AblationCase {
  /// Trains the network in a folder, or goes on with a run that stopped there, writes it with 16
  /// bits for each number as `network.safetensors`, and measures it.
  ///
  /// - Parameters:
  ///   - folder: of the run
  ///   - report: called with what is going on
  /// - Throws: `Fault` if the folder holds a run of other data or another number of steps, or cannot
  ///   be written to
  public func result(
    on data: AblationData, steps: Int, in folder: URL, report: (String) -> Void
  ) throws -> AblationResult {
    let source = data.source(seed)
    let configuration = configuration(steps: steps, crop: data.crop)
    let (run, trainer) = try start(folder, configuration, source)
    var training = try TrainingRun(trainer, from: source, in: run, film: nil)
    try training.run { done, _ in report("\(name): step \(done.step) of \(steps)") }
    let model = training.trainer.result
    try model.save(
      to: folder.appending(path: "network.safetensors"), precision: .float16,
      notes: training.trainer.notes)
    let count = data.validation.images.count
    let found = try DetectionResults(
      of: Network(model), on: data.validation, image: data.pixels,
      report: { report("\(name): image \($0) of \(count)") })
    func summary(_ kind: OverlapKind) throws -> [Double] {
      try COCOEvaluation(data.validation, found, EvaluationSettings(kind: kind)).summary.map {
        $0.value ?? 0
      }
    }
    let (masks, boxes) = (try summary(.masks), try summary(.boxes))
    return AblationResult(
      data: data.name, ablation: self, steps: steps, maskAP: masks[0], maskAP50: masks[1],
      maskAP75: masks[2], boxAP: boxes[0],
      seconds: LossTable.rows(run.losses).reduce(0) { $0 + ($1.values.last ?? 0) })
  }

  private func start(
    _ folder: URL, _ configuration: TrainingConfiguration, _ source: any SampleSource
  ) throws -> (RunFolder, Trainer) {
    guard let run = try? RunFolder(resumed: folder.path) else {
      let model = try model(classNames: source.classNames, categoryIDs: source.categoryIDs)
      return (try RunFolder(new: folder.path), Trainer(model, configuration))
    }
    let trainer = try Checkpoint.read(run.checkpoint)
    guard trainer.configuration == configuration,
      trainer.model.settings.classNames == source.classNames
    else {
      throw Fault(
        folder.relativePath, "the run in this folder was begun with other numbers or other data",
        remedy: "Name another folder with --out, or remove this one")
    }
    return (run, trainer)
  }
}
