// Matching of detections with objects, one to one. Source: pycocotools, cocoeval.py, evaluateImg.
//
// In shapes, T are the overlap thresholds, D the detections in descending order of score.

import Annotations

/// The object that each detection takes, nil where it takes none: in descending order of score, the
/// one with the highest overlap (of equal ones the later) of at least the threshold that is still
/// free. Only where no object that counts is left it takes one that does not.
///
/// - Parameters:
///   - detections: how many there are
///   - objects: how many there are
///   - counts: whether an object counts; all do unless something else is said
///   - isAlwaysFree: whether any number of detections may take an object
///   - candidates: the objects that a detection may take, each with its overlap, those that count
///     first
public func greedyMatches<Candidates: Sequence<(object: Int, overlap: Double)>>(
  _ detections: Int, of objects: Int, threshold: Double,
  counts: (Int) -> Bool = { _ in true }, isAlwaysFree: (Int) -> Bool = { _ in false },
  candidates: (Int) -> Candidates
) -> [Int?] {
  var isTaken = [Bool](repeating: false, count: objects)
  return (0..<detections).map { detection in
    var highest = min(threshold, 1 - 1e-10)
    var best: Int?
    for (object, overlap) in candidates(detection) where !isTaken[object] || isAlwaysFree(object) {
      if let best, counts(best), !counts(object) { break }
      guard overlap >= highest else { continue }
      (highest, best) = (overlap, object)
    }
    if let best { isTaken[best] = true }
    return best
  }
}

/// What becomes of a detection at one threshold.
enum Verdict: UInt8 {
  /// It is matched with no object.
  case isFalse
  /// It is matched with an object that counts.
  case isTrue
  /// It is matched with a crowd or an object of another size, or with none and is of another size.
  case isIgnored
}

/// The detections and objects of one image and class, compared but not yet matched.
struct ClassInImage {
  private let truth: [TruthObject]
  private let overlaps: Overlaps
  private let areas: [Double]
  /// The detections' scores in descending order, `[D]`.
  let scores: [Double]

  /// Compares the best detections with all objects.
  ///
  /// - Precondition: where masks are compared, every object and detection has one
  init(_ truth: [TruthObject], _ results: [ResultObject], _ settings: EvaluationSettings) {
    let found = descendingOrder(results.map(\.score)).prefix(settings.maxDetections)
      .map { results[$0] }
    self.truth = truth
    scores = found.map(\.score)
    areas = found.map(\.area)
    overlaps = Overlaps(
      found.compactMap { ComparedShape(bounds: $0.bounds, mask: $0.mask, kind: settings.kind) },
      truth.compactMap { object in
        ComparedShape(bounds: object.bounds, mask: object.mask, kind: settings.kind)
          .map { (shape: $0, isCrowd: object.isCrowd) }
      })
  }

  /// The highest overlap of a detection with any object; 0 where there are none.
  ///
  /// - Parameter detection: its place in descending order of score
  func highestOverlap(of detection: Int) -> Double { overlaps.row(detection).max() ?? 0 }

  /// Matches at every threshold the detections with objects of some sizes. A crowd is always free.
  func matched(_ range: AreaRange) -> Matching {
    let isIgnored = truth.map { $0.isCrowd || !range.areas.contains($0.area) }
    // Objects that count come first, each group in the order of the file.
    let order = truth.indices.filter { !isIgnored[$0] } + truth.indices.filter { isIgnored[$0] }
    let countedTruth = isIgnored.count { !$0 }
    let isOutside = areas.map { !range.areas.contains($0) }
    var verdicts: [Verdict] = []
    verdicts.reserveCapacity(EvaluationSettings.overlapThresholds.count * areas.count)
    for threshold in EvaluationSettings.overlapThresholds {
      let matches = greedyMatches(
        areas.count, of: truth.count, threshold: threshold, counts: { !isIgnored[$0] },
        isAlwaysFree: { truth[$0].isCrowd },
        candidates: { detection in
          let row = overlaps.row(detection)
          return order.lazy.map { (object: $0, overlap: row[row.startIndex + $0]) }
        })
      for (detection, object) in matches.enumerated() {
        if let object {
          verdicts.append(isIgnored[object] ? .isIgnored : .isTrue)
        } else {
          verdicts.append(isOutside[detection] ? .isIgnored : .isFalse)
        }
      }
    }
    return Matching(scores: scores, verdicts: verdicts, countedTruth: countedTruth)
  }
}

/// What became of the detections of one image and class.
struct Matching {
  /// In descending order, `[D]`.
  let scores: [Double]
  /// `[T, D]`
  let verdicts: [Verdict]
  /// Objects that can be missed.
  let countedTruth: Int
}
