// Changes of an image that leave what is in it what it is, so that a network sees it more than once
// and still something new. Boxes and masks follow the pixels.
//
// H W rows and columns of the image, h w those of a crop.

import Annotations
import Foundation
import Tensors

/// How samples are varied, every one by chance.
public struct Augmentation: Sendable, Equatable, Codable {
  /// The side of the square that is cut out, in image pixels; nil for whole images.
  public var crop: Int?
  /// The side is multiplied by a number up to `scale` and down to `1 / scale`, all octaves alike;
  /// the crop then fills the same input. 1 for none.
  public var scale: Float
  /// Whether half of the samples are mirrored from left to right.
  public var flips: Bool
  /// Whether samples are also mirrored from top to bottom and transposed: for images without up and
  /// down, such as micrographs.
  public var turns: Bool
  /// Brightness is multiplied by a number up to `1 + brightness` and down to `1 / (1 +
  /// brightness)`.
  public var brightness: Float
  /// An object of which fewer pixels are left in a crop is dropped.
  public var leastPixels: Int

  /// Makes an augmentation.
  public init(
    crop: Int? = nil, scale: Float = 1, flips: Bool = true, turns: Bool = false,
    brightness: Float = 0, leastPixels: Int = 4
  ) {
    (self.crop, self.scale, self.flips, self.turns) = (crop, scale, flips, turns)
    (self.brightness, self.leastPixels) = (brightness, leastPixels)
  }

  /// Nothing is changed.
  public static let none = Augmentation(flips: false)

  /// A variation of a sample.
  ///
  /// Crops show an object in three of four cases, if there is one in the image. Always as many
  /// numbers are drawn for one sample, so that an option that is switched off does not move the
  /// others.
  public func callAsFunction(
    _ sample: TrainingSample, using generator: inout SeededGenerator
  ) -> TrainingSample {
    var varied = sample
    let (near, place) = (generator.uniform(), generator.uniformDouble())
    let (across, down) = (generator.uniform(), generator.uniform())
    let octave = 2 * generator.uniform() - 1
    let (left, top, turned) = (generator.uniform(), generator.uniform(), generator.uniform())
    let light = 2 * generator.uniform() - 1
    if let crop {
      let wished = Float(crop) * pow(scale, octave)
      let side = max(1, min(Int(wished.rounded()), sample.width, sample.height))
      var (x, y) = (across * Float(sample.width - side), down * Float(sample.height - side))
      if near < 0.75, !sample.objects.isEmpty {
        let box = sample.objects[Int(place * Double(sample.objects.count))].box
        // The object's centre lies anywhere in the inner half of the crop.
        x = (box.x1 + box.x2) / 2 - Float(side) * (0.25 + 0.5 * across)
        y = (box.y1 + box.y2) / 2 - Float(side) * (0.25 + 0.5 * down)
      }
      let column = min(max(Int(x), 0), sample.width - side)
      let row = min(max(Int(y), 0), sample.height - side)
      varied = varied.cropped(
        to: Window(column, row, column + side, row + side), leastPixels: leastPixels)
    }
    if flips, left < 0.5 { varied = varied.mirrored() }
    if turns, top < 0.5 { varied = varied.transposed().mirrored().transposed() }
    if turns, turned < 0.5 { varied = varied.transposed() }
    if brightness > 0 { varied.image = brightened(varied.image, by: pow(1 + brightness, light)) }
    return varied
  }
}

/// An image with every value multiplied, up to 1.
///
/// - Parameter image: RGB in 0...1, `[3, H, W]`
public func brightened(_ image: Tensor, by factor: Float) -> Tensor {
  image.map { min($0 * factor, 1) }
}

extension TrainingSample {
  /// The part of a sample in a window. An object that the window cuts has the box around what is
  /// left of it; one that lies inside keeps its own.
  ///
  /// - Parameter leastPixels: an object with fewer pixels left is dropped
  public func cropped(to window: Window, leastPixels: Int) -> TrainingSample {
    let (h, w) = (window.height, window.width)
    let pixels = Tensor(uninitialized: [3, h, w]) { result in
      image.values.withUnsafeBufferPointer { values in
        for channel in 0..<3 {
          for y in 0..<h {
            let from = (channel * height + window.y1 + y) * width + window.x1
            for x in 0..<w { result[(channel * h + y) * w + x] = values[from + x] }
          }
        }
      }
    }  // [3, h, w]
    let kept = objects.compactMap { object -> TrainingObject? in
      let region = object.region.cropped(to: window)
      guard region.area >= max(1, leastPixels) else { return nil }
      let isWhole = region.area == object.region.area
      let moved = Box(
        object.box.x1 - Float(window.x1), object.box.y1 - Float(window.y1),
        object.box.x2 - Float(window.x1), object.box.y2 - Float(window.y1)
      ).clipped(width: Float(w), height: Float(h))
      return isWhole
        ? TrainingObject(label: object.label, box: moved, region: region)
        : TrainingObject(label: object.label, region: region)
    }
    return TrainingSample(name: name, image: pixels, objects: kept)
  }

  /// The sample mirrored from left to right.
  public func mirrored() -> TrainingSample {
    let (h, w) = (height, width)
    let pixels = Tensor(uninitialized: [3, h, w]) { result in
      image.values.withUnsafeBufferPointer { values in
        for row in 0..<3 * h {
          for x in 0..<w { result[row * w + x] = values[row * w + w - 1 - x] }
        }
      }
    }  // [3, H, W]
    return TrainingSample(
      name: name, image: pixels,
      objects: objects.map { object in
        TrainingObject(
          label: object.label,
          box: Box(
            Float(w) - object.box.x2, object.box.y1, Float(w) - object.box.x1, object.box.y2),
          region: object.region.mirrored(imageWidth: w))
      })
  }

  /// The sample with rows and columns exchanged.
  public func transposed() -> TrainingSample {
    let (h, w) = (height, width)
    let pixels = Tensor(uninitialized: [3, w, h]) { result in
      image.values.withUnsafeBufferPointer { values in
        for channel in 0..<3 {
          for y in 0..<h {
            for x in 0..<w {
              result[(channel * w + x) * h + y] = values[(channel * h + y) * w + x]
            }
          }
        }
      }
    }  // [3, W, H]
    return TrainingSample(
      name: name, image: pixels,
      objects: objects.map { object in
        TrainingObject(
          label: object.label,
          box: Box(object.box.y1, object.box.x1, object.box.y2, object.box.x2),
          region: object.region.transposed())
      })
  }
}

extension MaskRegion {
  /// The box around the window.
  var box: Box {
    Box(Float(window.x1), Float(window.y1), Float(window.x2), Float(window.y2))
  }

  /// What lies in a window of the image, in the window's own coordinates, with the least window of
  /// its own.
  func cropped(to frame: Window) -> MaskRegion {
    var (x1, y1, x2, y2) = (Int.max, Int.max, 0, 0)
    let rows = max(window.y1, frame.y1)..<max(min(window.y2, frame.y2), max(window.y1, frame.y1))
    let columns =
      max(window.x1, frame.x1)..<max(min(window.x2, frame.x2), max(window.x1, frame.x1))
    for y in rows {
      let row = (y - window.y1) * window.width - window.x1
      for x in columns where isInside[row + x] {
        (x1, y1, x2, y2) = (min(x1, x), min(y1, y), max(x2, x + 1), max(y2, y + 1))
      }
    }
    guard x1 < x2 else { return MaskRegion(window: Window(0, 0, 0, 0), isInside: []) }
    let inside = (y1..<y2).flatMap { y in
      let row = (y - window.y1) * window.width - window.x1
      return isInside[row + x1..<row + x2]
    }
    return MaskRegion(
      window: Window(x1 - frame.x1, y1 - frame.y1, x2 - frame.x1, y2 - frame.y1), isInside: inside)
  }

  /// Mirrored from left to right.
  func mirrored(imageWidth: Int) -> MaskRegion {
    let w = window.width
    return MaskRegion(
      window: Window(imageWidth - window.x2, window.y1, imageWidth - window.x1, window.y2),
      isInside: (0..<window.height).flatMap { isInside[$0 * w..<($0 + 1) * w].reversed() })
  }

  /// Rows and columns exchanged.
  func transposed() -> MaskRegion {
    let (h, w) = (window.height, window.width)
    return MaskRegion(
      window: Window(window.y1, window.x1, window.y2, window.x2),
      isInside: (0..<w).flatMap { x in (0..<h).map { y in isInside[y * w + x] } })
  }
}
