// Masks compared with each other: how many pixels two share, and which belong together.

import Annotations
import Stage6Masks

extension MaskRegion {
  /// The pixels of a pasted mask with a probability over the threshold.
  public init(_ mask: PastedMask, threshold: Float) {
    self.init(window: mask.window, isInside: mask.binary(threshold: threshold))
  }
}

/// How much every mask of one set shares with every mask of another, and which belong together.
public struct MaskOverlaps: Sendable {
  /// One mask of the first set and one of the second.
  public struct Pair: Sendable, Equatable {
    /// Its place in the first set.
    public var first: Int
    /// Its place in the second set.
    public var second: Int
    /// Intersection over union of the two.
    public var overlap: Float
  }

  /// For every mask of the first set, the masks of the second that share a pixel with it.
  private let touching: [[Pair]]
  private let secondCount: Int

  /// Computes all overlaps.
  ///
  /// - Parameters:
  ///   - first: by descending score, if `matches` is to be asked for
  ///   - labels: the classes of both sets, to let only masks of one class meet; nil to let all
  /// - Complexity: O(first x second) for the windows, and the pixels that windows share
  public init(
    _ first: [MaskRegion], _ second: [MaskRegion], labels: (first: [Int], second: [Int])? = nil
  ) {
    touching = first.enumerated().map { index, mask in
      second.enumerated().compactMap { other, found in
        if let labels, labels.first[index] != labels.second[other] { return nil }
        let overlap = mask.intersectionOverUnion(found)
        return overlap > 0 ? Pair(first: index, second: other, overlap: overlap) : nil
      }
    }
    secondCount = second.count
  }

  /// The masks that belong together, one to one: in the order of the first set, each takes of the
  /// second set's masks that are still free the one with the highest overlap (of equal ones the
  /// earlier), if that is at least the threshold. COCO matches detections with truth so.
  public func matches(threshold: Float) -> [Pair] {
    var isTaken = [Bool](repeating: false, count: secondCount)
    return touching.compactMap { pairs in
      var best: Pair?
      for pair in pairs where pair.overlap >= threshold && !isTaken[pair.second] {
        if pair.overlap > best?.overlap ?? 0 { best = pair }
      }
      if let best { isTaken[best.second] = true }
      return best
    }
  }

  /// The highest overlap that any mask of the first set has with each mask of the second; 0 where
  /// none touches it. Not one to one.
  public var bestOfSecond: [Float] {
    var best = [Float](repeating: 0, count: secondCount)
    for pair in touching.joined() { best[pair.second] = max(best[pair.second], pair.overlap) }
    return best
  }
}
