import Figures
import Model
import Stage6Masks
import Tensors

// What a library's user asks for: a model applied to images.

extension MaskRCNNModel {
  /// The objects in an image, by descending score: boxes and masks in the image's own pixels.
  ///
  ///     let model = try MaskRCNNModel(contentsOf: URL(filePath: "weights.safetensors"))
  ///     for detection in model.detections(in: try readImage(URL(filePath: "photo.jpg"))) {
  ///       print(detection.label, detection.score, detection.box)
  ///     }
  ///
  /// Options that the model's settings do not name are torchvision's; `Network` has them all.
  public func detections(in image: Image) -> [Detection] { detections(in: image.pixels) }

  /// The objects in an image, by descending score.
  ///
  /// - Parameter image: `[3, H0, W0]`, RGB in 0...1
  public func detections(in image: Tensor) -> [Detection] { detections(in: [image])[0] }

  /// The objects in each of several images, which go through the network together. They are padded
  /// to the largest of them: results for one image differ a little with the company it has, as they
  /// do in torchvision, unless all have the same size.
  ///
  /// - Parameter images: RGB in 0...1, each `[3, H0, W0]`
  public func detections(in images: [Tensor]) -> [[Detection]] {
    Network(self).detections(in: images)
  }
}
