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
  /// - Throws: `Fault` if the annotations are of an image of another size, or an object has no
  ///   mask, an empty one, a box without width or height or outside the image, or the background's
  ///   class
  public init(_ image: AnnotatedImage, sizes: InputSizes) throws(Fault) {
    try image.check(width: sizes.original.width, height: sizes.original.height)
    let objects = image.objects.filter { !$0.isCrowd }
    var masks: [MaskRegion] = []
    for object in objects { masks.append(try object.usableMask(in: image)) }
    try self.init(
      imageBoxes: objects.map(\.box), labels: objects.map(\.label), masks: masks, sizes: sizes)
  }

  /// Objects in image pixels in the coordinates of the network's input: boxes times the factors of
  /// the resize, masks resized to the nearest pixel.
  ///
  /// - Parameter sizes: of the image, and of the input that was made of it
  /// - Throws: `Fault` if a box has no width or height, or a class is the background's
  public init(
    imageBoxes: [Box], labels: [Int], masks: [MaskRegion], sizes: InputSizes
  ) throws(Fault) {
    let (original, resized) = (sizes.original, sizes.resized)
    let factors = (
      x: Float(resized.width) / Float(original.width),
      y: Float(resized.height) / Float(original.height)
    )
    let rows = ResizedAxis(original.height, to: resized.height)
    let columns = ResizedAxis(original.width, to: resized.width)
    try self.init(
      boxes: imageBoxes.map { $0.scaled(x: factors.x, y: factors.y) }, labels: labels,
      masks: masks.map { $0.resized(rows, columns) }, size: resized)
  }
}

extension TruthObject {
  /// The object's pixels.
  ///
  /// - Throws: `Fault` if there are none, or the box is empty or outside the image
  fileprivate func usableMask(in image: AnnotatedImage) throws(Fault) -> MaskRegion {
    func fault(_ problem: String, _ remedy: String) -> Fault {
      Fault(image.file, "annotation \(id) \(problem)", remedy: remedy)
    }
    guard bounds.width > 0, bounds.height > 0 else {
      throw fault(
        "has a box of \(bounds.width) x \(bounds.height) image pixels",
        "Correct the box or remove the annotation")
    }
    guard bounds.x < Double(image.width), bounds.y < Double(image.height),
      bounds.x + bounds.width > 0, bounds.y + bounds.height > 0
    else {
      throw fault(
        "has a box outside the image of \(image.width) x \(image.height) image pixels",
        "Correct the box or remove the annotation")
    }
    guard let mask else {
      throw fault(
        "has a box and no mask", "Give every object a polygon or a run-length encoding")
    }
    guard mask.area > 0 else {
      throw fault(
        "has an empty mask",
        "Draw it again, a polygon with three corners or more, or remove the annotation")
    }
    return mask.region
  }
}

/// Which pixel of the image each pixel of the resized image takes, along one axis.
private struct ResizedAxis {
  /// Ascending.
  let sources: [Int]

  init(_ extent: Int, to target: Int) {
    // The resize itself tells, of the numbers of the pixels. They are exact below 2^24.
    let numbers = Tensor([1, 1, 1, extent], (0..<extent).map { Float($0) })
    sources = resizeNearest(numbers, rows: 1, columns: target).values.map { Int($0) }
  }

  /// The resized pixels that take one of some pixels.
  func targets(of pixels: Range<Int>) -> Range<Int> {
    let first = sources.firstIndex { $0 >= pixels.lowerBound } ?? sources.count
    let end = sources.firstIndex { $0 >= pixels.upperBound } ?? sources.count
    return first..<max(first, end)
  }
}

extension MaskRegion {
  /// The region in the resized image. One that is smaller than the distance of the pixels that are
  /// taken may have none left.
  fileprivate func resized(_ rows: ResizedAxis, _ columns: ResizedAxis) -> MaskRegion {
    let (down, across) = (
      rows.targets(of: window.y1..<window.y2), columns.targets(of: window.x1..<window.x2)
    )
    let inside = down.flatMap { row in
      let start = (rows.sources[row] - window.y1) * window.width - window.x1
      return across.map { isInside[start + columns.sources[$0]] }
    }
    return MaskRegion(
      window: Window(across.lowerBound, down.lowerBound, across.upperBound, down.upperBound),
      isInside: inside)
  }
}
