import Kernels
import Figures
import Stage0Input
import Stage1Backbone
import Tensors

extension HeadsDrawing {
  /// The mean over channels of what the mask head reads of the best detections.
  var maskFeaturesFigure: Figure {
    let detected = found.detected
    let count = min(24, detected.count)
    let means = (0..<count).map { meanOverChannels(maskFeatures.slice($0)) }
    let isSigned = means.contains { $0.values.contains { $0 < 0 } }
    return Figure(
      "What the mask head reads",
      caption: count == 0
        ? "There are no detections, so no mask is predicted."
        : "Mean over \(maskFeatures.shape[1]) channels of the features of the \(count) best of "
          + "\(detected.count) detections, read again from the pyramid with "
          + "\(maskFeatures.shape[3]) × \(maskFeatures.shape[2]) bins, one scale for all."
    ) {
      ContactSheet(
        maps: means, "Detections by descending score",
        names: (0..<count).map {
          "\($0), \(Numerals.probability(detected[$0].score, digits: 2))"
        }, scale: isSigned ? .diverging : .sequential, units: "activation", columns: 8,
        tileSide: 112)
    }
  }

  /// The masks of several classes for the best detections, beside the image.
  var masksFigure: Figure {
    let title = "Masks: one per class for every detection"
    let detected = Array(found.detected.prefix(4))
    guard !detected.isEmpty else {
      return Figure(title, caption: "There are no detections, so no mask is predicted.") {
        backdrop.view("No detections", [], side: 512)
      }
    }
    let others = min(classes - 1, 6)
    let side = others > 4 ? 126 : 168
    return Figure(
      title,
      caption: "The \(detected.count) best detections: the image in the box, stretched to "
        + "a square as the masks are, then the mask of each class (\(maskActivation.rawValue) of "
        + "\(maskLogits.shape[2]) × \(maskLogits.shape[3]) "
        + "logits), the detection's own class framed"
        + (others < classes - 1 ? "; only the \(others) classes with the highest scores." : "."),
      columns: others + 1, sharing: .share, units: "probability"
    ) {
      for (index, detection) in detected.enumerated() {
        crop(index, detection, side: side)
        for label in shownLabels(detection, count: others) {
          mask(index, label, detection, side: side)
        }
      }
    }
  }

  /// All classes where they are few; else those with the highest scores for the proposal.
  private func shownLabels(_ detection: DetectionCandidate, count: Int) -> [Int] {
    let labels = Array(1..<classes)
    guard labels.count > count else { return labels }
    return Array(
      labels.sorted {
        let (a, b) = (score(detection.proposal, $0), score(detection.proposal, $1))
        return a > b || (a == b && $0 < $1)
      }.prefix(count))
  }

  /// The image in a detection's box, stretched to a square.
  private func crop(_ index: Int, _ detection: DetectionCandidate, side: Int) -> ImageView {
    backdrop.crop(
      detection.box,
      "Detection \(index), score \(Numerals.probability(detection.score, digits: 4))", side: side,
      brightened: false)
  }

  private func mask(
    _ index: Int, _ label: Int, _ detection: DetectionCandidate, side: Int
  ) -> Heatmap {
    let (rows, columns) = (maskLogits.shape[2], maskLogits.shape[3])
    let share = maskProbabilities(
      maskLogits.rows(index..<index + 1), labels: [label], maskActivation)  // [1, M, M]
    let isOwn = label == detection.label
    var map = Heatmap(
      share.slice(0),
      Lettering.strong.shortened(classNames.shown(label), width: side - 2), scale: .share,
      layers: isOwn
        ? [.box(Box(0, 0, Float(columns), Float(rows)), Stroke(.orange, thickness: 6))] : [])
    map.zoom = Float(side) / Float(max(rows, columns))
    map.showsAxes = false
    map.showsSummary = false
    return map
  }
}
