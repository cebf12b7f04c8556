// COCO's average precision of detections: matching, accumulation and summary in one value.

import Annotations
import Kernels
import Tensors

/// How well detections agree with the truth, with pycocotools' definitions and numbers.
///
///     let evaluation = try COCOEvaluation(dataset, results, EvaluationSettings(kind: .masks))
///     evaluation.summary[0].value   // AP, averaged over IoU 0.50 to 0.95
public struct COCOEvaluation: Sendable {
  /// What was averaged over.
  public let settings: EvaluationSettings
  /// The classes by ascending number.
  public let classes: [AnnotatedClass]
  /// Per class, per area range, per limit; nil where no object of the class has such a size.
  private let curves: [[[PrecisionRecall?]]]

  /// Evaluates detections.
  ///
  /// Images are taken in the order of their numbers. Detections of classes that the data set does
  /// not have do not count. The result has the same bits for any number of threads.
  ///
  /// - Throws: `Fault` if masks are to be compared and an object has none
  public init(
    _ dataset: AnnotatedDataset, _ results: DetectionResults, _ settings: EvaluationSettings
  ) throws(Fault) {
    if settings.kind == .masks { try checkMasks(dataset, results) }
    self.settings = settings
    let classes = dataset.classes.sorted { $0.id < $1.id }
    self.classes = classes
    let images = dataset.images.sorted { $0.id < $1.id }
    // Per image: its classes, each with a matching per area range.
    let matched: [[Int: [Matching]]] = Threads.map(images.count) { index in
      let truth = Dictionary(grouping: images[index].objects, by: \.label)
      let found = Dictionary(grouping: results.objects[images[index].id] ?? [], by: \.label)
      var matchings: [Int: [Matching]] = [:]
      for label in Set(truth.keys).union(found.keys) {
        let compared = ClassInImage(truth[label] ?? [], found[label] ?? [], settings)
        matchings[label] = AreaRange.coco.map(compared.matched)
      }
      return matchings
    }
    curves = Threads.map(classes.count) { index in
      let ofClass = matched.compactMap { $0[classes[index].id] }
      return AreaRange.coco.indices.map { range in
        let images = ofClass.map { $0[range] }
        return settings.limits.map { PrecisionRecall(images, limit: $0) }
      }
    }
  }

  /// Average precision: the mean of the precision over recalls, thresholds and classes that have
  /// objects; nil where none has.
  ///
  /// - Parameters:
  ///   - threshold: the number of one overlap threshold; nil for all
  ///   - classIndex: the place of one class; nil for all
  ///   - range: the number of the area range
  ///   - limit: the number of the limit of detections
  public func averagePrecision(
    threshold: Int? = nil, classIndex: Int? = nil, range: Int = 0, limit: Int = 2
  ) -> Double? {
    let recalls = EvaluationSettings.recallThresholds.count
    return mean(
      counted(classIndex, range, limit).flatMap { curve in
        guard let threshold else { return curve.precision[...] }
        return curve.precision[threshold * recalls..<(threshold + 1) * recalls]
      })
  }

  /// Average recall: the mean over thresholds and classes of the recall of all detections; nil
  /// where no class has objects. Parameters as of `averagePrecision`.
  public func averageRecall(
    threshold: Int? = nil, classIndex: Int? = nil, range: Int = 0, limit: Int = 2
  ) -> Double? {
    mean(
      counted(classIndex, range, limit).flatMap { curve in
        threshold.map { curve.recall[$0...$0] } ?? curve.recall[...]
      })
  }

  /// Precision over recall of one class at one overlap threshold; nil where the class has no
  /// objects.
  public func curve(classIndex: Int, threshold: Int) -> PrecisionRecallCurve? {
    let count = EvaluationSettings.recallThresholds.count
    return curves[classIndex][0][2].map { curve in
      let range = threshold * count..<(threshold + 1) * count
      return PrecisionRecallCurve(
        precisions: Array(curve.precision[range]), scores: Array(curve.scores[range]))
    }
  }

  /// Precision over recall at one overlap threshold, averaged over the classes that have objects;
  /// nil where none has.
  public func meanCurve(threshold: Int) -> PrecisionRecallCurve? {
    let all = classes.indices.compactMap { curve(classIndex: $0, threshold: threshold) }
    guard !all.isEmpty else { return nil }
    func means(_ values: (PrecisionRecallCurve) -> [Double]) -> [Double] {
      EvaluationSettings.recallThresholds.indices.map { recall in
        all.reduce(0) { $0 + values($1)[recall] } / Double(all.count)
      }
    }
    return PrecisionRecallCurve(precisions: means(\.precisions), scores: means(\.scores))
  }

  private func counted(_ classIndex: Int?, _ range: Int, _ limit: Int) -> [PrecisionRecall] {
    let chosen = classIndex.map { curves[$0...$0] } ?? curves[...]
    return chosen.compactMap { $0[range][limit] }
  }
}

/// Precision at the recalls 0, 0.01, …, 1.
public struct PrecisionRecallCurve: Sendable, Equatable {
  /// The highest precision at each recall or a higher one; 0 at recalls that are not reached.
  public let precisions: [Double]
  /// The score of the detection with which each recall is reached; 0 where it is not.
  public let scores: [Double]

  /// The recalls.
  public var recalls: [Double] { EvaluationSettings.recallThresholds }
}

/// Throws where an object or a detection has no mask.
func checkMasks(
  _ dataset: AnnotatedDataset, _ results: DetectionResults
) throws(Fault) {
  for image in dataset.images {
    for object in image.objects where object.mask == nil {
      throw Fault(
        dataset.name, "annotation \(object.id) has no mask",
        remedy: "Evaluate boxes, or give it a segmentation")
    }
    for result in results.objects[image.id] ?? [] where result.mask == nil {
      throw Fault(
        results.name, "a detection in image \(image.id) has no mask",
        remedy: "Evaluate boxes, or give it a mask")
    }
  }
}

/// The arithmetic mean; nil of nothing.
private func mean(_ values: [Double]) -> Double? {
  values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}
