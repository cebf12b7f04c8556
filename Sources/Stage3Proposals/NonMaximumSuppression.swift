// Stage 3, non-maximum suppression. Used again by stage 5, per class.

import Kernels
import Tensors

/// What non-maximum suppression decided of one box.
public enum Suppression: Sendable, Equatable {
  /// It stays.
  case kept
  /// Its IoU with a box that stays and has a higher score is over the threshold: which one, and the
  /// IoU.
  case suppressed(by: Int, overlap: Float)
}

/// Greedy non-maximum suppression: going from the highest score to the lowest, a box stays unless
/// its IoU with a box that stayed is greater than the threshold (strictly greater).
///
/// Equal scores keep their order, so the first of two equal boxes stays. The IoU is a 32-bit number
/// and the threshold a 64-bit one, as in torchvision: an IoU of 0.3 in 32 bits is greater than 0.3.
///
/// torchvision keeps groups apart by moving them far from each other, up to 1000 boxes, which
/// rounds the IoU a little; here groups are compared as they are.
///
/// - Parameters:
///   - groups: boxes of different groups do not suppress each other (a pyramid level in stage 3, a
///     class in stage 5); nil for one group
/// - Returns: `order`, the boxes by descending score; and of each box, by its index, what was
///   decided
/// - Complexity: O(n log n + n k) for n boxes of which k stay
public func plainNonMaximumSuppression(
  _ boxes: [Box], scores: [Float], groups: [Int]? = nil, threshold: Double
) -> (order: [Int], decisions: [Suppression]) {
  let order = descendingOrder(boxes, scores, groups)
  var decisions = [Suppression](repeating: .kept, count: boxes.count)
  var kept: [Int: [Int]] = [:]
  for candidate in order {
    let group = groups?[candidate] ?? 0
    for winner in kept[group, default: []] {
      let overlap = boxes[winner].intersectionOverUnion(boxes[candidate])
      if Double(overlap) > threshold {
        decisions[candidate] = .suppressed(by: winner, overlap: overlap)
        break
      }
    }
    if decisions[candidate] == .kept { kept[group, default: []].append(candidate) }
  }
  return (order, decisions)
}

/// Greedy non-maximum suppression, fast: parameters, result and bits as of
/// `plainNonMaximumSuppression`, which runs instead if `KernelForm.current` says so.
public func nonMaximumSuppression(
  _ boxes: [Box], scores: [Float], groups: [Int]? = nil, threshold: Double
) -> (order: [Int], decisions: [Suppression]) {
  if KernelForm.current == .plain {
    return plainNonMaximumSuppression(
      boxes, scores: scores, groups: groups, threshold: threshold)
  }
  let order = descendingOrder(boxes, scores, groups)
  var decisions = [Suppression](repeating: .kept, count: boxes.count)
  var places: [Int: Int] = [:]
  var kept: [KeptBoxes] = []
  for candidate in order {
    let group = groups?[candidate] ?? 0
    let place = places[group] ?? kept.count
    if place == kept.count {
      places[group] = place
      kept.append(KeptBoxes(threshold: threshold))
    }
    if let (winner, overlap) = kept[place].firstOverlapping(boxes[candidate]) {
      decisions[candidate] = .suppressed(by: winner, overlap: overlap)
    } else {
      kept[place].append(boxes[candidate], candidate)
    }
  }
  return (order, decisions)
}

/// The indices of the boxes that stay, by descending score.
public func keptByNonMaximumSuppression(
  _ boxes: [Box], scores: [Float], groups: [Int]? = nil, threshold: Double
) -> [Int] {
  let (order, decisions) = nonMaximumSuppression(
    boxes, scores: scores, groups: groups, threshold: threshold)
  return order.filter { decisions[$0] == .kept }
}

/// The indices of the boxes by descending score; equal scores keep their order.
private func descendingOrder(_ boxes: [Box], _ scores: [Float], _ groups: [Int]?) -> [Int] {
  precondition(
    boxes.count == scores.count && (groups.map { $0.count == boxes.count } ?? true),
    "\(boxes.count) boxes, \(scores.count) scores")
  return boxes.indices.sorted { a, b in
    scores[a] > scores[b] || (scores[a] == scores[b] && a < b)
  }
}
