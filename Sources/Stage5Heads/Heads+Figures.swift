import Figures
import Model
import Stage0Input
import Stage1Backbone
import Tensors

/// What stage 5 draws from.
struct HeadsDrawing: Sendable {
  var backdrop: Backdrop
  /// R boxes by descending score.
  var proposals: [Box]
  var prediction: BoxPrediction
  var found: DetectionCandidates
  /// `[D, C, 14, 14]`
  var maskFeatures: Tensor
  /// `[D, K, 28, 28]`
  var maskLogits: Tensor
  var maskActivation: MaskActivation
  var classNames: [String]
  var options: DetectionOptions

  /// So many boxes are drawn over the image.
  static let mostDrawn = 120

  var figures: [StageFigure] {
    [
      StageFigure(
        "scores",
        lookFor: "rows that one class takes nearly whole, rows that two share, and rows of the "
          + "background: there the proposal was a mistake, and this head drops it.",
        isEmpty: proposals.isEmpty
      ) { scoresFigure },
      StageFigure(
        "deltas",
        lookFor: "narrow peaks at 0 and at 1: proposals are already near the object, the head "
          + "only trims them.",
        isEmpty: proposals.isEmpty
      ) { deltasFigure },
      StageFigure(
        "refinement",
        lookFor: "green boxes that fit the object's edge where the orange one cut it off or "
          + "left room.",
        isEmpty: found.kept.isEmpty
      ) { refinementFigure },
      StageFigure(
        "suppression",
        lookFor: "several boxes around one object of which one stays; and two touching objects "
          + "that both keep theirs, because their boxes overlap little.",
        isEmpty: found.ledger.isEmpty
      ) { suppressionFigure },
      StageFigure(
        "mask-features",
        lookFor: "the object's shape, already visible in the middle of each map: the mask head "
          + "has only to draw it out.",
        isEmpty: found.kept.isEmpty
      ) { maskFeaturesFigure },
      StageFigure(
        "masks",
        lookFor: "the framed mask, the one that is used. Masks of other classes often look like "
          + "the object too, because they were never trained on objects of this class.",
        isEmpty: found.kept.isEmpty
      ) { masksFigure },
    ]
  }

  var classes: Int { prediction.classScores.shape[1] }

  func score(_ proposal: Int, _ label: Int) -> Float {
    prediction.classScores.values[proposal * classes + label]
  }

  /// The class with the highest score.
  func best(_ proposal: Int) -> Int {
    (0..<classes).max { score(proposal, $0) < score(proposal, $1) } ?? 0
  }
}
