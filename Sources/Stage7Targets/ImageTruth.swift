// Stage 7, what is known about one image: the objects that the network should find.
//
// T objects of truth, H W rows and columns of the input.

import Annotations
import Stage0Input
import Tensors

/// The objects in one image, in the coordinates of the network's input.
public struct ImageTruth: Sendable, Equatable {
  /// T boxes in input pixels.
  public let boxes: [Box]
  /// The class of each, from 1: 0 is the background.
  public let labels: [Int]
  /// The pixels of each, in input pixels: a window and what lies in it, since T masks of the whole
  /// input would be far more zeros than anything else.
  public let masks: [MaskRegion]
  /// H and W: of the input, without its padding.
  public let size: ImageSize

  /// An image without objects, of any size.
  public static let empty = ImageTruth(size: ImageSize(height: 1, width: 1))

  /// An image without objects.
  public init(size: ImageSize) {
    (boxes, labels, masks) = ([], [], [])
    self.size = size
  }

  /// Makes the truth about an image; one without objects is in order.
  ///
  /// - Parameters:
  ///   - masks: T of them, each inside the input
  ///   - size: of the input, without its padding
  /// - Throws: `Fault` if the parts do not fit each other, a box has no width or height, or a class
  ///   is the background's
  public init(
    boxes: [Box], labels: [Int], masks: [MaskRegion], size: ImageSize
  ) throws(Fault) {
    func fault(_ problem: String, remedy: String) -> Fault {
      Fault("truth", problem, remedy: remedy)
    }
    guard labels.count == boxes.count, masks.count == boxes.count else {
      throw fault(
        "there are \(boxes.count) boxes, \(labels.count) classes and \(masks.count) masks",
        remedy: "Give every object a box, a class and a mask")
    }
    for (index, (box, label)) in zip(boxes, labels).enumerated() {
      let edges = [box.x1, box.y1, box.x2, box.y2]
      guard edges.allSatisfy({ $0.isFinite }), box.width > 0, box.height > 0 else {
        throw fault(
          "object \(index) has a box of \(box.width) x \(box.height) input pixels",
          remedy: "Leave objects without width or height out")
      }
      guard label > 0 else {
        throw fault(
          "object \(index) has class \(label)", remedy: "Classes count from 1, the background is 0")
      }
      let window = masks[index].window
      guard window.x1 >= 0, window.y1 >= 0, window.x2 <= size.width, window.y2 <= size.height
      else {
        throw fault(
          "the mask of object \(index) leaves the input of \(size) pixels",
          remedy: "Give masks of the input's size")
      }
    }
    self.boxes = boxes
    self.labels = labels
    self.masks = masks
    self.size = size
  }

  /// Makes the truth about an image of masks of its whole size.
  ///
  /// - Parameter masks: `[T, H, W]`: not 0 in the object's pixels, 0 elsewhere
  /// - Throws: `Fault` as the other
  public init(boxes: [Box], labels: [Int], masks: Tensor) throws(Fault) {
    guard masks.shape.rank == 3 else {
      throw Fault("truth", "its masks are \(masks.shape)", remedy: "Give masks [T, H, W]")
    }
    try self.init(
      boxes: boxes, labels: labels,
      masks: (0..<masks.shape[0]).map { MaskRegion(masks.slice($0)) },
      size: ImageSize(height: masks.shape[1], width: masks.shape[2]))
  }
}

extension MaskRegion {
  /// The pixels that are not 0.
  ///
  /// - Parameter mask: `[H, W]`
  public init(_ mask: Tensor) {
    let objects = MaskRegion.objects(
      labels: mask.values.map { $0 == 0 ? 0 : 1 }, width: mask.shape[1])
    self = objects.first ?? MaskRegion(window: Window(0, 0, 0, 0), isInside: [])
  }
}
