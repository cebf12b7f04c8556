import Figures

/// Precision over recall: of all classes at three thresholds, and of each class at 0.5.
public struct PrecisionRecallFigure {
  private let evaluation: COCOEvaluation

  /// Takes what has been evaluated.
  public init(_ evaluation: COCOEvaluation) { self.evaluation = evaluation }

  private static let colours: [Colour] = [
    .blue, .orange, .green, .red, .black, .yellow, .grey, Colour(124, 58, 190),
  ]

  /// Two charts.
  public var figure: Figure {
    let kind = evaluation.settings.kind.rawValue
    let thresholds = [0, 5, 8]
    let means = thresholds.enumerated().compactMap { place, threshold in
      evaluation.meanCurve(threshold: threshold).map { curve in
        line(
          "IoU \(Numerals.decimals(EvaluationSettings.overlapThresholds[threshold], 2))", curve,
          Self.colours[place])
      }
    }
    // More lines than colours could not be distinguished.
    let known = evaluation.classes.indices.compactMap { index in
      evaluation.curve(classIndex: index, threshold: 0).map { (index, $0) }
    }
    let classes = known.prefix(Self.colours.count).enumerated().map { place, entry in
      line(evaluation.classes[entry.0].name, entry.1, Self.colours[place])
    }
    let left = known.count - classes.count
    return Figure(
      "Precision over recall, \(kind)",
      caption:
        "Detections are taken in descending order of score. Precision is the highest that is "
        + "reached at a recall or a higher one; average precision is its mean over the recalls."
    ) {
      chart(means, "all classes, by the overlap that counts as found", note: "")
      chart(
        classes, "each class at IoU 0.50",
        note: left > 0 ? "\(left) more classes are not drawn." : "")
    }
  }

  private func chart(_ lines: [Chart.Line], _ title: String, note: String) -> Chart {
    Chart.lines(lines, title, x: "recall", y: "precision", range: 0...1.02, note: note)
  }

  private func line(
    _ name: String, _ curve: PrecisionRecallCurve, _ colour: Colour
  ) -> Chart.Line {
    Chart.Line(
      name, zip(curve.recalls, curve.precisions).map { Point(Float($0), Float($1)) },
      Stroke(colour))
  }
}
