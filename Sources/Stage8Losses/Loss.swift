// Stage 8, what a loss is made of. Paper: section 3, L = L_cls + L_box + L_mask, and Ren et al.
// 2015 (Faster R-CNN), equation 1, for the region proposal network's two.

import Tensors

/// One loss, with every part of it: elements that are summed, and a number that divides the sum.
public struct Loss: Sendable, Equatable {
  /// What each element costs, before the division.
  public let elements: Tensor
  /// What the sum is divided by. torchvision divides by all sampled boxes where only the positive
  /// ones cost anything, so this need not be the number of elements.
  public let divisor: Int

  /// Makes a loss of its parts.
  public init(elements: Tensor, divisor: Int) {
    self.elements = elements
    self.divisor = divisor
  }

  /// The sum of the elements, in Double.
  public var sum: Double { elements.values.reduce(0) { $0 + Double($1) } }

  /// `sum / divisor`. 0 if it is taken over nothing, where torchvision's mean would be NaN.
  public var value: Float { divisor == 0 ? 0 : Float(sum / Double(divisor)) }
}

/// The five losses of Mask R-CNN, by torchvision's names.
public enum LossName: String, Sendable, CaseIterable {
  /// Whether an anchor holds an object.
  case objectness = "loss_objectness"
  /// Where an anchor's object is.
  case rpnBoxes = "loss_rpn_box_reg"
  /// Which class a RoI has.
  case classes = "loss_classifier"
  /// Where a RoI's object is.
  case boxes = "loss_box_reg"
  /// Which pixels of a RoI belong to its object.
  case masks = "loss_mask"
}

/// The five losses of a batch.
public struct TrainingLosses: Sendable, Equatable {
  /// Those of the region proposal network.
  public let rpn: RPNLosses
  /// Those of the box head.
  public let boxHead: BoxHeadLosses
  /// That of the mask head.
  public let masks: Loss

  /// Makes the losses of their parts.
  public init(rpn: RPNLosses, boxHead: BoxHeadLosses, masks: Loss) {
    self.rpn = rpn
    self.boxHead = boxHead
    self.masks = masks
  }

  /// One of the five.
  public subscript(name: LossName) -> Loss {
    switch name {
    case .objectness: rpn.objectness
    case .rpnBoxes: rpn.boxes
    case .classes: boxHead.classes
    case .boxes: boxHead.boxes
    case .masks: masks
    }
  }

  /// What training makes smaller: the sum of the five, each with weight 1.
  public var total: Float { LossName.allCases.reduce(0) { $0 + self[$1].value } }
}
