// Masks compared with each other: how many pixels two share, and which belong together.

import Annotations
import Evaluation
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

  /// The masks that belong together, one to one: in the order of the first set, each takes one of
  /// the second as COCO matches detections with truth (`greedyMatches`).
  public func matches(threshold: Float) -> [Pair] {
    let matches = greedyMatches(
      touching.count, of: secondCount, threshold: Double(threshold),
      candidates: { first in
        touching[first].lazy.map { (object: $0.second, overlap: Double($0.overlap)) }
      })
    return zip(touching, matches).compactMap { pairs, match in
      pairs.first { $0.second == match }
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
