// Truth about images: which objects there are, of which class, where, and which pixels they have.

import Tensors

/// A box as COCO's files hold it: the upper left corner and the sides, in image pixels, in 64 bits.
///
/// Evaluation compares these numbers, not `Box`, because 32 bits could move an intersection over
/// union across a threshold.
public struct COCOBox: Sendable, Hashable {
  /// Left edge.
  public var x: Double
  /// Upper edge.
  public var y: Double
  /// `x2 - x1`
  public var width: Double
  /// `y2 - y1`
  public var height: Double

  /// Makes a box from its corner and sides.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// The box around a window.
  public init(_ window: Window) {
    self.init(
      x: Double(window.x1), y: Double(window.y1), width: Double(window.width),
      height: Double(window.height))
  }

  /// `width * height`
  public var area: Double { width * height }

  /// The area that both share, with pycocotools' order of operations.
  public func intersection(_ other: COCOBox) -> Double {
    let columns = min(x + width, other.x + other.width) - max(x, other.x)
    let rows = min(y + height, other.y + other.height) - max(y, other.y)
    return columns > 0 && rows > 0 ? columns * rows : 0
  }

  /// `x1 y1 x2 y2` in 32 bits.
  public var box: Box { Box(Float(x), Float(y), Float(x + width), Float(y + height)) }
}

/// One object that there is in an image.
public struct TruthObject: Sendable, Equatable {
  /// The annotation's number in its file.
  public var id: Int
  /// The number of its class in the data set.
  public var label: Int
  /// The box around the object.
  public var bounds: COCOBox
  /// The object's visible pixels; nil where the data set has boxes alone.
  public var mask: RunLengthEncoding?
  /// A region with many objects that were not annotated one by one: neither missed nor found by a
  /// detection.
  public var isCrowd: Bool
  /// The object's area in pixels, which decides whether COCO calls it small, medium or large.
  public var area: Double

  /// Makes an object from its parts.
  public init(
    id: Int, label: Int, bounds: COCOBox, mask: RunLengthEncoding?, isCrowd: Bool = false,
    area: Double
  ) {
    self.id = id
    self.label = label
    self.bounds = bounds
    self.mask = mask
    self.isCrowd = isCrowd
    self.area = area
  }

  /// Makes an object from its mask, which gives box and area.
  public init(id: Int, label: Int, mask: RunLengthEncoding) {
    self.init(
      id: id, label: label, bounds: COCOBox(mask.window), mask: mask, area: Double(mask.area))
  }

  /// `x1 y1 x2 y2` in 32 bits.
  public var box: Box { bounds.box }
}

/// A class of objects; COCO's files call it a category.
public struct AnnotatedClass: Sendable, Equatable {
  /// The number by which annotations name it; any integer.
  public var id: Int
  /// Its name.
  public var name: String

  /// Makes a class.
  public init(id: Int, name: String) {
    self.id = id
    self.name = name
  }
}

/// An image with the objects in it.
public struct AnnotatedImage: Sendable, Equatable {
  /// The image's number in its data set.
  public var id: Int
  /// The image's file, as the data set names it.
  public var file: String
  /// Columns.
  public var width: Int
  /// Rows.
  public var height: Int
  /// The objects, in the order of their file.
  public var objects: [TruthObject]

  /// Makes an image.
  public init(id: Int, file: String, width: Int, height: Int, objects: [TruthObject]) {
    self.id = id
    self.file = file
    self.width = width
    self.height = height
    self.objects = objects
  }
}

/// Images with the objects in them, and what is wrong with the annotations.
public struct AnnotatedDataset: Sendable, Equatable {
  /// What messages call it: its file or folder.
  public var name: String
  /// The classes, in the order of their file.
  public var classes: [AnnotatedClass]
  /// The images, in the order of their file.
  public var images: [AnnotatedImage]
  /// What is odd or wrong without making the rest useless, in the order in which it was found.
  public var problems: [Fault]

  /// Makes a data set.
  public init(
    name: String, classes: [AnnotatedClass], images: [AnnotatedImage], problems: [Fault] = []
  ) {
    self.name = name
    self.classes = classes
    self.images = images
    self.problems = problems
  }
}

extension RunLengthEncoding {
  /// Encodes the pixels of a region.
  public init(_ region: MaskRegion, width: Int, height: Int) {
    self.init(region.isInside, in: region.window, width: width, height: height)
  }
}
