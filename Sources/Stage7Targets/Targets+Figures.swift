import Figures
import Stage0Input
import Stage2Anchors
import Tensors

/// What stage 7 draws from.
struct TargetsDrawing: Sendable {
  var backdrop: Backdrop
  var truth: ImageTruth
  /// All anchors, in the order of `AnchorGrids`.
  var boxes: [Box]
  var grids: AnchorGrids
  var anchors: AnchorTargets
  var rois: RoITargets
  var classNames: [String]
  var options: TargetOptions
  /// Of each object, the anchor that overlaps it most, of equal ones the first, and how much.
  var best: [(anchor: Int, overlap: Float)]

  /// So many boxes of a kind are drawn over one view; more would hide it.
  static let mostDrawn = 150

  init(
    backdrop: Backdrop, truth: ImageTruth, boxes: [Box], grids: AnchorGrids,
    anchors: AnchorTargets, rois: RoITargets, classNames: [String], options: TargetOptions
  ) {
    (self.backdrop, self.truth) = (backdrop, truth)
    (self.boxes, self.grids, self.anchors) = (boxes, grids, anchors)
    (self.rois, self.classNames, self.options) = (rois, classNames, options)
    let overlaps = overlaps(truth.boxes, boxes)  // [T, A]
    best = truth.boxes.indices.map { object in
      let row = overlaps.values[object * boxes.count..<(object + 1) * boxes.count]
      guard let greatest = row.max(), let place = row.firstIndex(of: greatest) else {
        return (0, 0)
      }
      return (place - row.startIndex, greatest)
    }
  }

  var figures: [StageFigure] {
    [
      StageFigure(
        "anchors",
        lookFor: "the level whose anchors have the objects' size: it has nearly all positive ones. "
          + "Ignored anchors surround each object, and cost nothing whatever the network says there.",
        isEmpty: truth.boxes.isEmpty
      ) { anchorsFigure },
      StageFigure(
        "best-anchors",
        lookFor: "objects whose best anchor fits badly. Without the rule that the best anchor is "
          + "positive in any case, nothing would be learned from them.",
        isEmpty: best.isEmpty
      ) { bestFigure },
      StageFigure(
        "anchors-per-object",
        lookFor: "how little the size decides. Whether an object lies well on the grid does; one "
          + "with four positive anchors may count four times in the loss.",
        isEmpty: best.isEmpty
      ) { countsFigure },
      StageFigure(
        "rois",
        lookFor: "how much of an object a RoI may miss and still count as one; and background RoIs "
          + "that hold most of an object: from them the network learns what is not good enough.",
        isEmpty: rois.sampled.isEmpty
      ) { roisFigure },
      StageFigure(
        "mask-targets",
        lookFor: "RoIs that cut their object off, whose target is cut off too; and bins between 0 "
          + "and 1 along the edge, which the object covers in part.",
        isEmpty: rois.positives.isEmpty
      ) { masksFigure },
    ]
  }

  /// At most so many of some things, evenly spread.
  func spread<Element>(_ elements: [Element], most: Int = mostDrawn) -> [Element] {
    guard elements.count > most else { return elements }
    return (0..<most).map { elements[$0 * elements.count / most] }
  }
}
