// COCO's run-length encoding of masks: the one definition, for truth, results and evaluation.
//
// In formulas, H and W are the rows and columns of the image.

import Tensors

/// COCO's run-length encoding of a binary mask: the lengths of alternating runs of 0 and 1, column
/// by column, beginning with 0.
public struct RunLengthEncoding: Sendable, Equatable {
  /// Rows of the image.
  public let height: Int
  /// Columns of the image.
  public let width: Int
  /// Lengths of the runs; the first is of 0 and may be empty. They add up to `height * width`.
  public let runs: [Int]

  /// Makes an encoding of runs that are known to add up to `height * width`.
  init(trusted runs: [Int], width: Int, height: Int) {
    self.runs = runs
    self.width = width
    self.height = height
  }

  /// Makes an encoding of runs that came from a file.
  ///
  /// - Throws: `Fault` about `name` if a run is negative or the runs do not add up to the image
  public init(runs: [Int], width: Int, height: Int, name: String) throws(Fault) {
    var sum = 0
    for run in runs {
      let (next, overflow) = sum.addingReportingOverflow(run)
      guard run >= 0, !overflow else {
        throw Fault(
          name, "its mask has a run of \(run) pixels", remedy: "Encode the mask again")
      }
      sum = next
    }
    let (pixels, overflow) = height.multipliedReportingOverflow(by: width)
    guard !overflow, sum == pixels else {
      throw Fault(
        name, "the runs of its mask add up to \(sum) pixels, the image has \(width) x \(height)",
        remedy: "Encode the mask at the size of the image")
    }
    self.init(trusted: runs, width: width, height: height)
  }

  /// Encodes a mask that is 0 outside a window.
  ///
  /// - Parameters:
  ///   - pixels: the window's, row-major
  ///   - window: where they lie
  public init(_ pixels: [Bool], in window: Window, width: Int, height: Int) {
    var runs = RunList()
    runs.extend(false, by: window.x1 * height)
    for column in 0..<window.width {
      runs.extend(false, by: window.y1)
      for row in 0..<window.height { runs.extend(pixels[row * window.width + column], by: 1) }
      runs.extend(false, by: height - window.y2)
    }
    runs.extend(false, by: (width - (window.x1 + window.width)) * height)
    self.init(trusted: runs.finished, width: width, height: height)
  }

  /// Encodes a mask that is 1 everywhere or nowhere.
  public init(filled isFilled: Bool, width: Int, height: Int) {
    let pixels = width * height
    self.init(trusted: isFilled ? [0, pixels] : [pixels], width: width, height: height)
  }

  /// The number of pixels that are 1.
  public var area: Int {
    var sum = 0
    for index in stride(from: 1, to: runs.count, by: 2) { sum += runs[index] }
    return sum
  }

  /// The least window that holds all pixels that are 1; of width and height 0 where there are none.
  public var window: Window {
    var (x1, y1, x2, y2) = (Int.max, Int.max, 0, 0)
    var position = 0
    for (index, run) in runs.enumerated() {
      defer { position += run }
      guard index % 2 == 1, run > 0 else { continue }
      let (first, top) = position.quotientAndRemainder(dividingBy: height)
      let (last, bottom) = (position + run - 1).quotientAndRemainder(dividingBy: height)
      (x1, x2) = (min(x1, first), max(x2, last + 1))
      // A run that goes on in the next column touches the last row and the first one.
      (y1, y2) = first == last ? (min(y1, top), max(y2, bottom + 1)) : (0, height)
    }
    return x1 < x2 ? Window(x1, y1, x2, y2) : Window(0, 0, 0, 0)
  }

  /// Whether each pixel is 1, row-major, `[H, W]`.
  public var pixels: [Bool] {
    var pixels = [Bool](repeating: false, count: width * height)
    forEachRun { position, run in
      for place in position..<position + run {
        let (x, y) = place.quotientAndRemainder(dividingBy: height)
        pixels[y * width + x] = true
      }
    }
    return pixels
  }

  /// The pixels as a region that holds no more than their window.
  public var region: MaskRegion {
    let window = self.window
    var isInside = [Bool](repeating: false, count: window.width * window.height)
    forEachRun { position, run in
      for place in position..<position + run {
        let (x, y) = place.quotientAndRemainder(dividingBy: height)
        isInside[(y - window.y1) * window.width + x - window.x1] = true
      }
    }
    return MaskRegion(window: window, isInside: isInside)
  }

  /// Calls `body` with the start and the length of every run of 1.
  private func forEachRun(_ body: (Int, Int) -> Void) {
    var position = 0
    for (index, run) in runs.enumerated() {
      if index % 2 == 1, run > 0 { body(position, run) }
      position += run
    }
  }

  /// How many pixels are 1 in both.
  ///
  /// - Precondition: both have one size
  /// - Complexity: O(runs of both)
  public func intersection(_ other: RunLengthEncoding) -> Int {
    precondition(
      width == other.width && height == other.height, "masks of images of different sizes")
    return runs.withUnsafeBufferPointer { first in
      other.runs.withUnsafeBufferPointer { second in
        guard !first.isEmpty, !second.isEmpty else { return 0 }
        var shared = 0
        var (i, j) = (0, 0)
        var (firstRest, secondRest) = (first[0], second[0])
        while true {
          let step = min(firstRest, secondRest)
          if i & j & 1 == 1 { shared += step }
          firstRest -= step
          secondRest -= step
          if firstRest == 0 {
            i += 1
            guard i < first.count else { return shared }
            firstRest = first[i]
          }
          if secondRest == 0 {
            j += 1
            guard j < second.count else { return shared }
            secondRest = second[j]
          }
        }
      }
    }
  }

  /// Intersection over union of the pixels, `|A n B| / |A u B|`; 0 where both are empty.
  public func intersectionOverUnion(_ other: RunLengthEncoding) -> Double {
    let shared = intersection(other)
    let union = area + other.area - shared
    return union > 0 ? Double(shared) / Double(union) : 0
  }

  /// The mask that is 1 where either is.
  ///
  /// - Precondition: both have one size
  public func union(_ other: RunLengthEncoding) -> RunLengthEncoding {
    precondition(
      width == other.width && height == other.height, "masks of images of different sizes")
    var (i, j) = (0, 0)
    var (firstRest, secondRest) = (runs.first ?? 0, other.runs.first ?? 0)
    var merged = RunList()
    while i < runs.count, j < other.runs.count {
      let step = min(firstRest, secondRest)
      merged.extend((i | j) & 1 == 1, by: step)
      firstRest -= step
      secondRest -= step
      if firstRest == 0 {
        i += 1
        firstRest = i < runs.count ? runs[i] : 0
      }
      if secondRest == 0 {
        j += 1
        secondRest = j < other.runs.count ? other.runs[j] : 0
      }
    }
    return RunLengthEncoding(trusted: merged.finished, width: width, height: height)
  }
}

/// Runs of 0 and 1 as they are appended; equal neighbours become one run.
struct RunList {
  private var runs: [Int] = []
  private var value = false
  private var length = 0

  /// Appends `count` pixels of one value.
  mutating func extend(_ next: Bool, by count: Int) {
    guard count > 0 else { return }
    if next != value {
      runs.append(length)
      (value, length) = (next, 0)
    }
    length += count
  }

  /// All runs, the last one included.
  var finished: [Int] { runs + [length] }
}
