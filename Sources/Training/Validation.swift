// A network measured on images that it was not trained on.

import Annotations
import Evaluation
import Inference
import Model
import Stage6Masks
import Tensors

extension DetectionResults {
  /// What a network finds in the images of a data set, one image after another.
  ///
  /// - Parameters:
  ///   - network: a model with the options of inference
  ///   - threshold: pixels with a probability over it belong to a mask; torchvision's is 0.5
  ///   - image: gives the pixels of an image, `[3, H, W]`
  ///   - report: called after every image with the number of images done
  /// - Throws: what `image` throws
  public init(
    of network: Network, on dataset: AnnotatedDataset, threshold: Float = 0.5,
    image: (AnnotatedImage) throws -> Tensor, report: (Int) -> Void = { _ in }
  ) throws {
    let settings = network.model.settings
    var objects: [Int: [ResultObject]] = [:]
    for (place, annotated) in dataset.images.enumerated() {
      let pixels = try image(annotated)
      objects[annotated.id] = network.detections(in: [pixels])[0].map { detection in
        ResultObject(
          detection, settings, threshold: threshold, width: annotated.width,
          height: annotated.height)
      }
      report(place + 1)
    }
    self.init(name: network.model.source, objects: objects, haveMasks: true)
  }
}

extension ResultObject {
  /// A detection as a results file gives it.
  init(
    _ detection: Detection, _ settings: ModelSettings, threshold: Float, width: Int, height: Int
  ) {
    let box = detection.box
    let bounds = COCOBox(
      x: Double(box.x1), y: Double(box.y1), width: Double(box.width), height: Double(box.height))
    self.init(
      label: settings.categoryIDs.isEmpty
        ? detection.label : settings.categoryIDs[detection.label],
      score: Double(detection.score), bounds: bounds,
      mask: RunLengthEncoding(
        detection.mask.binary(threshold: threshold), in: detection.mask.window, width: width,
        height: height),
      area: bounds.area)
  }
}
