import Annotations
import Kernels
import Stage0Input
import Tensors

// What stage 7 knows about an image, from its annotations. torchvision:
// models/detection/transform.py, `resize_boxes` and `_resize_image_and_masks`.
//
// T objects of truth, H0 W0 rows and columns of the image, H W those of the resized image.

extension ImageTruth {
  /// The objects of an annotated image in the coordinates of the network's input: boxes times the
  /// factors of the resize, masks resized to the nearest pixel.
  ///
  /// Crowds are left out: they are neither found nor missed.
  ///
  /// - Parameter sizes: of the image, and of the input that was made of it
  /// - Throws: `Fault` if the annotations are of an image of another size, an object has no mask, a box
  ///   without width or height, or the background's class
  public init(_ image: AnnotatedImage, sizes: InputSizes) throws(Fault) {
    let (original, resized) = (sizes.original, sizes.resized)
    guard image.width == original.width, image.height == original.height else {
      throw Fault(
        image.file,
        "the annotations are of \(image.width) x \(image.height) image pixels, the image has "
          + "\(original)", remedy: "Give the annotations of this image")
    }
    let objects = image.objects.filter { !$0.isCrowd }
    let factors = (
      x: Float(resized.width) / Float(original.width),
      y: Float(resized.height) / Float(original.height)
    )
    var masks: [Float] = []
    for object in objects {
      guard let mask = object.mask else {
        throw Fault(
          image.file, "annotation \(object.id) has a box and no mask",
          remedy: "Give every object a polygon or a run-length encoding")
      }
      let pixels = Tensor(
        [1, 1, original.height, original.width], mask.pixels.map { $0 ? 1 : 0 })  // [1, 1, H0, W0]
      masks += resizeNearest(pixels, rows: resized.height, columns: resized.width).values
    }
    try self.init(
      boxes: objects.map { $0.box.scaled(x: factors.x, y: factors.y) },
      labels: objects.map(\.label),
      masks: Tensor([objects.count, resized.height, resized.width], masks))  // [T, H, W]
  }
}
