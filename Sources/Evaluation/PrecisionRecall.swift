// Precision over recall of one class. Source: pycocotools, cocoeval.py, accumulate.
//
// In shapes, T are the overlap thresholds and R the recalls at which precision is read.

/// Precision and recall of the detections of one class in all images, for one range of sizes and
/// one limit of detections per image.
struct PrecisionRecall {
  /// The precision at each recall, `[T, R]`; 0 at recalls that are not reached.
  private(set) var precision: [Double] = []
  /// The score of the detection with which each recall is reached, `[T, R]`; 0 where it is not.
  private(set) var scores: [Double] = []
  /// The recall of all detections, `[T]`.
  private(set) var recall: [Double] = []

  /// Walks through the detections of all images in descending order of score. After each one,
  ///
  ///     recall = true / objects,   precision = true / (true + false)
  ///
  /// Precision then becomes, from the last detection to the first, the highest that any later one
  /// reaches. It is read where recall first reaches 0, 0.01, …, 1.
  ///
  /// nil if no object counts: the class has neither precision nor recall then.
  ///
  /// - Parameters:
  ///   - images: by ascending number of the image: of equal scores the earlier image's comes first
  ///   - limit: how many detections of each image count
  init?(_ images: [Matching], limit: Int) {
    let truth = images.reduce(0) { $0 + $1.countedTruth }
    guard truth > 0 else { return nil }
    var places: [(image: Int, detection: Int)] = []
    for (image, matching) in images.enumerated() {
      for detection in 0..<min(matching.scores.count, limit) {
        places.append((image, detection))
      }
    }
    let order = descendingOrder(places.map { images[$0.image].scores[$0.detection] })
    for threshold in EvaluationSettings.overlapThresholds.indices {
      var (trueCount, falseCount) = (0, 0)
      var steps: [(precision: Double, recall: Double, score: Double)] = []
      for place in order {
        let (image, detection) = places[place]
        let matching = images[image]
        switch matching.verdicts[threshold * matching.scores.count + detection] {
        case .isTrue: trueCount += 1
        case .isFalse: falseCount += 1
        case .isIgnored: continue
        }
        // pycocotools adds the distance from 1 to the next number, so that 0 / 0 is 0.
        let all = Double(falseCount + trueCount) + 1.0.ulp
        steps.append(
          (
            Double(trueCount) / all, Double(trueCount) / Double(truth),
            matching.scores[detection]
          ))
      }
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
