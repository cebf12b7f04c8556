// The detections of one class in the order in which average precision counts them: AP, step by step.

import Annotations
import Tensors

/// A detection of one class, with what it adds to average precision.
public struct RankedDetection: Sendable, Equatable {
  /// The image's number.
  public let image: Int
  /// The detection's score.
  public let score: Double
  /// The highest IoU with an object of its class in its image; 0 where there is none.
  public let overlap: Double
  /// Whether it is matched with an object: a true positive.
  public let isTrue: Bool
  /// True detections so far divided by all detections so far.
  public let precision: Double
  /// True detections so far divided by all objects of the class.
  public let recall: Double
}

/// The detections of a class in all images of a data set, in descending order of score. Those that
/// count neither as true nor as false, because they lie in a crowd, are left out.
///
/// - Parameters:
///   - label: the class's number in the data set
///   - threshold: the place of the overlap threshold among `EvaluationSettings.overlapThresholds`
/// - Throws: `Fault` if masks are to be compared and an object has none
public func rankedDetections(
  _ dataset: AnnotatedDataset, _ results: DetectionResults, _ settings: EvaluationSettings,
  label: Int, threshold: Int = 0
) throws(Fault) -> [RankedDetection] {
  if settings.kind == .masks { try checkMasks(dataset, results) }
  let images = dataset.images.sorted { $0.id < $1.id }
  let compared = images.map { image in
    ClassInImage(
      image.objects.filter { $0.label == label },
      (results.objects[image.id] ?? []).filter { $0.label == label }, settings)
  }
  return PrecisionRecallStep.all(
    compared.map { $0.matched(AreaRange.coco[0]) }, threshold: threshold,
    limit: settings.maxDetections
  ).map { step in
    RankedDetection(
      image: images[step.image].id, score: step.score,
      overlap: compared[step.image].highestOverlap(of: step.detection), isTrue: step.isTrue,
      precision: step.precision, recall: step.recall)
  }
}
