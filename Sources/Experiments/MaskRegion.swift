// Masks held against each other: which pixels, how much two share.

import Figures
import Stage0Input
import Stage6Masks
import Tensors

/// The pixels of one object in an image, as a window and what lies in it.
public struct MaskRegion: Sendable, Equatable {
  /// The part of the image outside which there is nothing of the object.
  public let window: Window
  /// Whether each pixel of the window belongs to the object, row-major.
  public let isInside: [Bool]
  /// How many do.
  public let area: Int

  /// Makes a region of its parts.
  ///
  /// - Precondition: one flag per pixel of the window.
  public init(window: Window, isInside: [Bool]) {
    precondition(
      isInside.count == window.width * window.height, "\(isInside.count) pixels in \(window)")
    self.window = window
    self.isInside = isInside
    area = isInside.count { $0 }
  }

  /// The pixels of a pasted mask with a probability over the threshold.
  public init(_ mask: PastedMask, threshold: Float) {
    self.init(window: mask.window, isInside: mask.binary(threshold: threshold))
  }

  /// The objects of a label map by ascending label, whatever labels are missing: 0 is background, every
  /// other value one object, in one piece or several.
  ///
  /// - Parameter labels: `[H, W]`, row-major
  /// - Complexity: O(H W) and the windows' pixels
  public static func objects(labels: [Int], width: Int) -> [MaskRegion] {
    var windows: [Int: Window] = [:]
    for (position, label) in labels.enumerated() where label != 0 {
      let (y, x) = position.quotientAndRemainder(dividingBy: width)
      let old = windows[label] ?? Window(x, y, x + 1, y + 1)
      windows[label] = Window(
        min(old.x1, x), min(old.y1, y), max(old.x2, x + 1), max(old.y2, y + 1))
    }
    return windows.sorted { $0.key < $1.key }.map { label, window in
      MaskRegion(
        window: window,
        isInside: (window.y1..<window.y2).flatMap { y in
          labels[y * width + window.x1..<y * width + window.x2].map { $0 == label }
        })
    }
  }

  /// How many pixels belong to both. Only the pixels that the windows share are looked at.
  public func intersection(_ other: MaskRegion) -> Int {
    let columns =
      max(
        window.x1, other.window.x1)..<max(
        min(window.x2, other.window.x2), max(window.x1, other.window.x1))
    guard !columns.isEmpty else { return 0 }
    var count = 0
    for y in stride(
      from: max(window.y1, other.window.y1), to: min(window.y2, other.window.y2), by: 1)
    {
      let ours = (y - window.y1) * window.width - window.x1
      let theirs = (y - other.window.y1) * other.window.width - other.window.x1
      for x in columns where isInside[ours + x] && other.isInside[theirs + x] { count += 1 }
    }
    return count
  }

  /// Intersection over union of the pixels, `|A n B| / |A u B|`; 0 where both are empty.
  public func intersectionOverUnion(_ other: MaskRegion) -> Float {
    let shared = intersection(other)
    let union = area + other.area - shared
    return union > 0 ? Float(shared) / Float(union) : 0
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

/// The objects that a label map gives as the truth about an image.
///
/// - Parameters:
///   - bytes: a grey PNG of 8 or 16 bits; 0 is background, every other value one object
///   - image: the size of the image that it is about
/// - Throws: `Fault` if it is no such file, of another size, or without objects
public func trueObjects(_ bytes: [UInt8], name: String, image: ImageSize) throws -> [MaskRegion] {
  let map = try PNG.decodeLabels(bytes, name: name)
  let size = ImageSize(height: map.shape[0], width: map.shape[1])
  guard size == image else {
    throw Fault(
      name, "the labels are \(size) pixels, the image is \(image)",
      remedy: "Give labels of the trace's image")
  }
  let objects = MaskRegion.objects(labels: map.integers ?? [], width: size.width)
  guard !objects.isEmpty else {
    throw Fault(
      name, "all labels are 0, the background", remedy: "Give a label map with a number per object")
  }
  return objects
}
