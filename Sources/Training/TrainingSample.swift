import Annotations
import Tensors

/// An object to learn from.
public struct TrainingObject: Sendable, Equatable {
  /// The class of the network, from 1.
  public var label: Int
  /// In image pixels.
  public var box: Box
  /// Its pixels.
  public var region: MaskRegion

  /// Makes an object.
  public init(label: Int, box: Box, region: MaskRegion) {
    (self.label, self.box, self.region) = (label, box, region)
  }

  /// Makes an object whose box is the one around its pixels.
  public init(label: Int, region: MaskRegion) {
    self.init(label: label, box: region.box, region: region)
  }
}

/// An image to learn from.
public struct TrainingSample: Sendable, Equatable {
  /// What messages call it: its file, or the seed of a scene.
  public var name: String
  /// RGB in 0...1, `[3, H, W]`.
  public var image: Tensor
  /// What there is in it, crowds left out.
  public var objects: [TrainingObject]

  /// Makes a sample.
  public init(name: String, image: Tensor, objects: [TrainingObject]) {
    (self.name, self.image, self.objects) = (name, image, objects)
  }

  /// Makes a sample of an annotated image.
  ///
  /// - Parameters:
  ///   - pixels: `[3, H, W]`
  ///   - classes: the network's class of each label of the data set
  /// - Throws: `Fault` if the annotations are of an image of another size
  public init(
    _ annotated: AnnotatedImage, pixels: Tensor, name: String, classes: [Int: Int]
  ) throws(Fault) {
    guard pixels.shape == [3, annotated.height, annotated.width] else {
      throw Fault(
        name,
        "the image has \(pixels.shape[2]) x \(pixels.shape[1]) pixels, its annotations are of "
          + "\(annotated.width) x \(annotated.height)",
        remedy: "Give the annotations of this image")
    }
    self.init(
      name: name, image: pixels,
      objects: annotated.objects.compactMap { object in
        guard !object.isCrowd, let mask = object.mask, let label = classes[object.label] else {
          return nil
        }
        let region = mask.region
        let box = object.box.clipped(
          width: Float(annotated.width), height: Float(annotated.height))
        guard region.area > 0, box.width > 0, box.height > 0 else { return nil }
        return TrainingObject(label: label, box: box, region: region)
      })
  }

  /// Rows.
  public var height: Int { image.shape[1] }
  /// Columns.
  public var width: Int { image.shape[2] }
}
