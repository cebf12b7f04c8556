// Stage 7, which box is compared with which object. Ren et al. 2015 (Faster R-CNN), section 3.1.2;
// torchvision: models/detection/_utils.py, `Matcher`.
//
// In: boxes (anchors or proposals) and the truth's boxes.  Out: per box a match.
// T objects of truth, B boxes.

import Kernels
import Tensors

/// What a box counts as in training.
public enum MatchLabel: Int, Sendable, CaseIterable {
  /// Between the thresholds: it is no example of anything.
  case ignored = -1
  /// An example of background.
  case negative = 0
  /// An example of an object.
  case positive = 1
}

/// How one box is matched with the truth.
public struct Match: Sendable, Equatable {
  /// The object that the box overlaps most, of equal ones the first, whatever the label; nil in an
  /// image without objects.
  public var truth: Int?
  /// The IoU with it; 0 without one.
  public var overlap: Float
  /// What the box counts as.
  public var label: MatchLabel
  /// Whether no other box overlaps some object more: such a box is positive below the threshold
  /// too.
  public var isBest: Bool

  /// Makes a match.
  public init(truth: Int?, overlap: Float, label: MatchLabel, isBest: Bool) {
    self.truth = truth
    self.overlap = overlap
    self.label = label
    self.isBest = isBest
  }
}

/// The intersection over union of every object with every box; 0 where both are empty.
///
/// - Parameters:
///   - truths: T boxes
///   - boxes: B boxes
/// - Returns: `[T, B]`
public func overlaps(_ truths: [Box], _ boxes: [Box]) -> Tensor {
  Tensor(uninitialized: [truths.count, boxes.count]) { output in
    nonisolated(unsafe) let output = output
    Threads.each(truths.count) { row in
      let target = output + row * boxes.count
      for (column, box) in boxes.enumerated() {
        let overlap = truths[row].intersectionOverUnion(box)
        target[column] = overlap.isNaN ? 0 : overlap
      }
    }
  }  // [T, B]
}

/// Gives every box the object that it overlaps most, and a label by how much that is.
public struct Matcher: Sendable, Equatable {
  /// A box is positive from this IoU.
  public var positiveThreshold: Float
  /// A box is negative below this IoU; from it to `positiveThreshold` it is ignored.
  public var negativeThreshold: Float
  /// Whether the boxes that overlap an object most, all of equal ones, are positive in any case, so
  /// that no object is without an example.
  public var takesBest: Bool

  /// For anchors: positive from 0.7 or as the best of an object, negative below 0.3.
  public static let anchors = Matcher(
    positiveThreshold: 0.7, negativeThreshold: 0.3, takesBest: true)
  /// For proposals: positive from 0.5, negative below.
  public static let proposals = Matcher(
    positiveThreshold: 0.5, negativeThreshold: 0.5, takesBest: false)

  /// Makes a matcher.
  ///
  /// - Precondition: the negative threshold is not over the positive one.
  public init(positiveThreshold: Float, negativeThreshold: Float, takesBest: Bool) {
    precondition(
      negativeThreshold <= positiveThreshold,
      "boxes below \(negativeThreshold) cannot be negative and from \(positiveThreshold) positive")
    self.positiveThreshold = positiveThreshold
    self.negativeThreshold = negativeThreshold
    self.takesBest = takesBest
  }

  /// Matches boxes with objects by their overlaps:
  ///
  /// 1. every box belongs to the object that it overlaps most, of equal ones to the first;
  /// 2. it is positive from `positiveThreshold`, negative below `negativeThreshold`, else ignored;
  /// 3. with `takesBest`, each object makes the boxes positive whose overlap with it is the
  ///    greatest that the object has. They still belong to the object that *they* overlap most,
  ///    which may be another.
  ///
  /// An object that no box overlaps has the greatest overlap 0, and makes all boxes positive that
  /// it does not touch: so torchvision and detectron2 count, and so does this.
  ///
  /// - Parameter overlaps: `[T, B]`
  /// - Returns: B matches; all negative if T is 0
  public func callAsFunction(_ overlaps: Tensor) -> [Match] {
    precondition(overlaps.shape.rank == 2, "overlaps are [T, B], not \(overlaps.shape)")
    let (truths, boxes) = (overlaps.shape[0], overlaps.shape[1])
    var matches = [Match](
      repeating: Match(truth: nil, overlap: 0, label: .negative, isBest: false), count: boxes)
    for truth in 0..<truths {
      for box in 0..<boxes {
        let overlap = overlaps.values[truth * boxes + box]
        if matches[box].truth == nil || overlap > matches[box].overlap {
          matches[box].truth = truth
          matches[box].overlap = overlap
        }
      }
    }
    for box in 0..<boxes where truths > 0 {
      let overlap = matches[box].overlap
      matches[box].label =
        overlap >= positiveThreshold
        ? .positive : overlap < negativeThreshold ? .negative : .ignored
    }
    guard takesBest else { return matches }
    for truth in 0..<truths {
      let row = overlaps.values[truth * boxes..<(truth + 1) * boxes]
      guard let greatest = row.max() else { continue }
      for (box, overlap) in row.enumerated() where overlap == greatest {
        matches[box].label = .positive
        matches[box].isBest = true
      }
    }
    return matches
  }
}
