// Stage 7, what is known about one image: the objects that the network should find.
//
// T objects of truth, H W rows and columns of the input.

import Tensors

/// The objects in one image, in the coordinates of the network's input.
public struct ImageTruth: Sendable, Equatable {
  /// T boxes in input pixels.
  public let boxes: [Box]
  /// The class of each, from 1: 0 is the background.
  public let labels: [Int]
  /// `[T, H, W]`: 1 in the object's pixels, 0 elsewhere.
  public let masks: Tensor

  /// An image without objects.
  public static let empty = ImageTruth()

  private init() {
    boxes = []
    labels = []
    masks = Tensor([0, 1, 1], [])
  }

  /// Makes the truth about an image; one without objects is in order.
  ///
  /// - Parameter masks: `[T, H, W]`
  /// - Throws: `Fault` if the parts do not fit each other, a box has no width or height, or a class is
  ///   the background's
  public init(boxes: [Box], labels: [Int], masks: Tensor) throws(Fault) {
    func fault(_ problem: String, remedy: String) -> Fault {
      Fault("truth", problem, remedy: remedy)
    }
    guard labels.count == boxes.count, masks.shape.rank == 3, masks.shape[0] == boxes.count else {
      throw fault(
        "there are \(boxes.count) boxes, \(labels.count) classes and masks of \(masks.shape)",
        remedy: "Give every object a box, a class and a mask")
    }
    for (index, (box, label)) in zip(boxes, labels).enumerated() {
      let edges = [box.x1, box.y1, box.x2, box.y2]
      guard edges.allSatisfy({ $0.isFinite }), box.width > 0, box.height > 0 else {
        throw fault(
          "object \(index) has a box of \(box.width) x \(box.height) pixels",
          remedy: "Leave objects without width or height out")
      }
      guard label > 0 else {
        throw fault(
          "object \(index) has class \(label)", remedy: "Classes count from 1, the background is 0")
      }
    }
    self.boxes = boxes
    self.labels = labels
    self.masks = masks
  }
}
