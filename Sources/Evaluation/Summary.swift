// The twelve numbers that COCO compares detectors by. Source: pycocotools, cocoeval.py, summarize.

/// One of the twelve numbers.
public struct SummaryLine: Sendable, Equatable {
  /// What is averaged.
  public enum Measure: String, Sendable {
    /// Average precision.
    case precision = "AP"
    /// Average recall.
    case recall = "AR"
  }

  /// What is averaged.
  public let measure: Measure
  /// The overlap threshold; nil for the mean over 0.50, 0.55, …, 0.95.
  public let threshold: Double?
  /// `all`, `small`, `medium` or `large`.
  public let area: String
  /// Detections per image and class.
  public let limit: Int
  /// The number, from 0 to 1; nil where there are no such objects, which pycocotools prints as -1.
  public let value: Double?

  /// `AP`, `AP50`, `AP75`, `APs`, `APm`, `APl`, `AR1`, `AR10`, `AR100`, `ARs`, `ARm` or `ARl`, as
  /// published tables call the numbers.
  public var key: String {
    switch (threshold, area) {
    case (let threshold?, _): measure.rawValue + String(Int((100 * threshold).rounded()))
    case (nil, "all"): measure.rawValue + (measure == .recall ? String(limit) : "")
    case (nil, let area): measure.rawValue + area.prefix(1)
    }
  }
}

extension COCOEvaluation {
  /// The twelve numbers in pycocotools' order: AP; AP at 0.50 and 0.75; AP of small, medium and
  /// large objects; AR of 1, 10 and all counted detections; AR of small, medium and large objects.
  public var summary: [SummaryLine] {
    let half = 0
    let threeQuarters = 5
    var lines = [precision(), precision(half), precision(threeQuarters)]
    lines += (1...3).map { precision(range: $0) }
    lines += (0...2).map { recall(limit: $0) }
    lines += (1...3).map { recall(range: $0) }
    return lines
  }

  private func precision(_ threshold: Int? = nil, range: Int = 0) -> SummaryLine {
    SummaryLine(
      measure: .precision, threshold: threshold.map { EvaluationSettings.overlapThresholds[$0] },
      area: AreaRange.coco[range].name, limit: settings.maxDetections,
      value: averagePrecision(threshold: threshold, range: range))
  }

  private func recall(range: Int = 0, limit: Int = 2) -> SummaryLine {
    SummaryLine(
      measure: .recall, threshold: nil, area: AreaRange.coco[range].name,
      limit: settings.limits[limit], value: averageRecall(range: range, limit: limit))
  }
}
