// The pixels of one object: where truth and detections are compared pixel by pixel.

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

  /// The objects of a label map by ascending label, whatever labels are missing: 0 is background,
  /// every other value one object, in one piece or several.
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
