// Precision over recall of one class. Source: pycocotools, cocoeval.py, accumulate.
//
// In shapes, T are the overlap thresholds and R the recalls at which precision is read.

/// A detection of one class, with precision and recall of all detections up to it.
struct PrecisionRecallStep {
  /// The place of its image among those that were matched.
  let image: Int
  /// Its place in the image, in descending order of score.
  let detection: Int
  let isTrue: Bool
  var precision: Double
  let recall: Double
  let score: Double

  /// Walks through the detections of all images in descending order of score. After each one,
  ///
  ///     recall = true / objects,   precision = true / (true + false)
  ///
  /// Ignored detections make no step.
  ///
  /// - Parameters:
  ///   - images: by ascending number of the image: of equal scores the earlier image's comes first
  ///   - threshold: the number of the overlap threshold
  ///   - limit: how many detections of each image count
  static func all(_ images: [Matching], threshold: Int, limit: Int) -> [PrecisionRecallStep] {
    let truth = images.reduce(0) { $0 + $1.countedTruth }
    var places: [(image: Int, detection: Int)] = []
    for (image, matching) in images.enumerated() {
      for detection in 0..<min(matching.scores.count, limit) {
        places.append((image, detection))
      }
    }
    var (trueCount, falseCount) = (0, 0)
    return descendingOrder(places.map { images[$0.image].scores[$0.detection] }).compactMap {
      let (image, detection) = places[$0]
      let matching = images[image]
      let verdict = matching.verdicts[threshold * matching.scores.count + detection]
      switch verdict {
      case .isTrue: trueCount += 1
      case .isFalse: falseCount += 1
      case .isIgnored: return nil
      }
      // pycocotools adds the distance from 1 to the next number, so that 0 / 0 is 0.
      let all = Double(falseCount + trueCount) + 1.0.ulp
      return PrecisionRecallStep(
        image: image, detection: detection, isTrue: verdict == .isTrue,
        precision: Double(trueCount) / all, recall: Double(trueCount) / Double(truth),
        score: matching.scores[detection])
    }
  }
}

/// Precision and recall of the detections of one class in all images, for one range of sizes and
/// one limit of detections per image.
struct PrecisionRecall {
  /// The precision at each recall, `[T, R]`; 0 at recalls that are not reached.
  private(set) var precision: [Double] = []
  /// The score of the detection with which each recall is reached, `[T, R]`; 0 where it is not.
  private(set) var scores: [Double] = []
  /// The recall of all detections, `[T]`.
  private(set) var recall: [Double] = []

  /// Takes the steps of `PrecisionRecallStep`. Precision then becomes, from the last detection to
  /// the first, the highest that any later one reaches. It is read where recall first reaches 0,
  /// 0.01, …, 1.
  ///
  /// nil if no object counts: the class has neither precision nor recall then.
  ///
  /// - Parameters:
  ///   - images: by ascending number of the image
  ///   - limit: how many detections of each image count
  init?(_ images: [Matching], limit: Int) {
    guard images.contains(where: { $0.countedTruth > 0 }) else { return nil }
    for threshold in EvaluationSettings.overlapThresholds.indices {
      var steps = PrecisionRecallStep.all(images, threshold: threshold, limit: limit)
      recall.append(steps.last?.recall ?? 0)
      for step in steps.indices.dropFirst().reversed() {
        steps[step - 1].precision = max(steps[step - 1].precision, steps[step].precision)
      }
      var step = 0
      for wanted in EvaluationSettings.recallThresholds {
        while step < steps.count, steps[step].recall < wanted { step += 1 }
        precision.append(step < steps.count ? steps[step].precision : 0)
        scores.append(step < steps.count ? steps[step].score : 0)
      }
    }
  }
}
