// The shapes scene: images with known truth, drawn from a seed. A network can be trained on it
// without any data: six classes, one with a hole, two concave, one thin; 8 to 200 pixels in size,
// so that every level of the pyramid is read; occlusion, patterns and noise.
//
// In shapes, H and W are the rows and columns of the image, which is square.

import Annotations
import Tensors

/// An image of shapes with its objects.
///
///     let scene = Scene(seed: 7)
///     scene.image      // [3, 256, 256]
///     scene.objects    // class, box and visible pixels of each shape
///
/// One seed gives the same bits on every machine.
public struct Scene: Sendable {
  /// Red, green and blue planes from 0 to 1, `[3, H, W]`; multiples of 1/255, so that a PNG holds
  /// them exactly.
  public let image: Tensor
  /// The shapes from back to front. Masks are the pixels that no other shape covers; a label is the
  /// raw value of a `SceneClass`.
  public let objects: [TruthObject]

  /// Draws a scene.
  ///
  /// - Parameter side: rows and columns, 64 to 1024
  public init(seed: UInt64, side: Int = 256) {
    precondition((64...1024).contains(side), "a scene of \(side) pixels")
    var canvas = SceneCanvas(seed: seed, side: side)
    canvas.addShapes()
    image = canvas.finished()
    objects = canvas.truth()
  }

  /// The scene as an image of a data set.
  public func annotated(id: Int, file: String = "") -> AnnotatedImage {
    AnnotatedImage(
      id: id, file: file, width: image.shape[2], height: image.shape[1], objects: objects)
  }

  /// The classes as those of a data set.
  public static let classes = SceneClass.allCases.map {
    AnnotatedClass(id: $0.rawValue, name: "\($0)")
  }
}

/// A scene while it is drawn.
private struct SceneCanvas {
  private let side: Int
  private var generator: SeededGenerator
  /// Levels from 0 to 255, `[H, W]`.
  private var pixels: [SceneColour]
  /// The number of the shape that each pixel shows, `[H, W]`; -1 for the background.
  private var owner: [Int]
  private var shapes: [(shape: SceneShape, colour: SceneColour)] = []
  /// Pixels of each shape in the image, hidden ones included, and those that show.
  private var areas: [Int] = []
  private var visible: [Int] = []
  private let background: SceneColour
  /// One scene of six has little contrast and much noise.
  private let isHard: Bool
  private let noise: Float

  /// Pixels of a shape that must show, and the share of it.
  private static let leastPixels = 20
  private static let leastShare = 0.45

  init(seed: UInt64, side: Int) {
    self.side = side
    generator = SeededGenerator(seed: seed)
    isHard = generator.happens(1 / 6)
    noise = generator.uniform(isHard ? 6...12 : 1.5...6)
    background = generator.colour(brightness: 0.25...0.9, saturation: 0.05...0.45)
    owner = [Int](repeating: -1, count: side * side)
    pixels = []
    paintBackground()
  }

  private mutating func paintBackground() {
    var light = [Float](repeating: 0, count: side * side)
    let strength = generator.uniform(4...16)
    ValueNoise(side: side, cell: 64, &generator).add(to: &light, scale: 1.4 * strength)
    ValueNoise(side: side, cell: 16, &generator).add(to: &light, scale: 0.7 * strength)
    let (slopeX, slopeY) = (generator.uniform(-24...24), generator.uniform(-24...24))
    let tint = SceneColour(
      generator.uniform(0.7...1.3), generator.uniform(0.7...1.3), generator.uniform(0.7...1.3))
    pixels.reserveCapacity(side * side)
    for y in 0..<side {
      let down = slopeY * (Float(y) / Float(side) - 0.5)
      for x in 0..<side {
        let across = slopeX * (Float(x) / Float(side) - 0.5)
        pixels.append(background + (light[y * side + x] + down + across) * tint)
      }
    }
  }

  /// Draws three to nine shapes, large ones mostly first.
  mutating func addShapes() {
    var sizes = (0..<3 + generator.below(7)).map { _ in drawnSize() }
    sizes.sort(by: >)
    for place in sizes.indices.dropFirst() where generator.happens(0.25) {
      sizes.swapAt(place - 1, place)
    }
    for size in sizes {
      // The first shape hides nothing and is added, so that no scene is empty.
      for _ in 0..<8 {
        if add(drawnShape(size)) { break }
      }
    }
  }

  /// A size in pixels: an octave, then a number in it, so that small shapes are as frequent as
  /// large ones.
  private mutating func drawnSize() -> Float {
    let octaves: [ClosedRange<Float>] = [
      8...16, 16...32, 16...32, 16...32, 32...64, 32...64, 32...64, 64...128, 64...128, 128...200,
    ]
    return min(generator.uniform(octaves[generator.below(octaves.count)]), 0.78 * Float(side))
  }

  private mutating func drawnShape(_ size: Float) -> SceneShape {
    let kind = SceneClass.allCases[generator.below(SceneClass.allCases.count)]
    let radius = max(size, kind.leastSize) / 2
    let (cosine, sine) = generator.direction()
    let slenderness = max(generator.uniform(0.1...0.17), 2 / radius)
    var shape = SceneShape(
      kind: kind, x: 0, y: 0, radius: radius, slenderness: slenderness, cosine: cosine, sine: sine)
    // Up to a third of the extent may lie outside the image; of small shapes too little would be
    // left to see.
    let share: Float = size < 32 ? 1 : 0.35
    let margin = (x: share * shape.reach.x, y: share * shape.reach.y)
    shape.x = generator.uniform(margin.x...Float(side) - margin.x)
    shape.y = generator.uniform(margin.y...Float(side) - margin.y)
    return shape
  }

  /// Draws a shape unless it would hide too much of another one; whether it did.
  private mutating func add(_ shape: SceneShape) -> Bool {
    // The shadow reaches a few pixels further.
    let reach = (x: shape.reach.x + Self.shadow, y: shape.reach.y + Self.shadow)
    let window = Window(
      max(0, Int(shape.x - reach.x)), max(0, Int(shape.y - reach.y)),
      min(side, Int(shape.x + reach.x) + 2), min(side, Int(shape.y + reach.y) + 2))
    var distances = [Float](repeating: 0, count: window.width * window.height)
    var hidden = [Int](repeating: 0, count: shapes.count)
    var area = 0
    for y in window.y1..<window.y2 {
      for x in window.x1..<window.x2 {
        let (u, v) = shape.local(Float(x) + 0.5, Float(y) + 0.5)
        let distance = shape.distance(u, v)
        distances[(y - window.y1) * window.width + x - window.x1] = distance
        guard distance <= 0 else { continue }
        area += 1
        let other = owner[y * side + x]
        if other >= 0 { hidden[other] += 1 }
      }
    }
    guard area >= Self.leastPixels else { return false }
    for (other, count) in hidden.enumerated() where count > 0 {
      let rest = visible[other] - count
      guard rest >= Self.leastPixels, Double(rest) >= Self.leastShare * Double(areas[other]) else {
        return false
      }
    }
    for (other, count) in hidden.enumerated() { visible[other] -= count }
    areas.append(area)
    visible.append(area)
    paint(shape, drawnFill(shape), distances, window)
    return true
  }

  private static let shadow: Float = 5

  private mutating func drawnFill(_ shape: SceneShape) -> SceneFill {
    var colour = background
    var farthest: Float = -1
    // The best of some colours: away from the background, and from the shapes behind.
    for _ in 0..<(isHard ? 2 : 6) {
      let candidate = generator.colour(brightness: 0.3...1, saturation: 0.2...0.95)
      let nearest = shapes.suffix(4).reduce(distance(candidate, background)) {
        min($0, 1.5 * distance(candidate, $1.colour))
      }
      if nearest > farthest { (farthest, colour) = (nearest, candidate) }
    }
    let patterns = SceneFill.Pattern.allCases
    // A pattern needs room.
    let isPlain = shape.radius < 10 || shape.kind == .bar && shape.radius < 40
    return SceneFill(
      colour: colour,
      pattern: isPlain ? .plain : patterns[generator.below(patterns.count)],
      period: generator.uniform(5...max(6, 0.45 * shape.radius)),
      contrast: generator.uniform(8...26))
  }

  /// Mixes a shape over what is there: by the part of a pixel that it covers, `1/2 - distance` cut
  /// to 0 … 1, with a darker rim inside and a shadow outside.
  private mutating func paint(
    _ shape: SceneShape, _ fill: SceneFill, _ distances: [Float], _ window: Window
  ) {
    let number = shapes.count
    for y in window.y1..<window.y2 {
      for x in window.x1..<window.x2 {
        let distance = distances[(y - window.y1) * window.width + x - window.x1]
        guard distance < Self.shadow else { continue }
        let place = y * side + x
        let coverage = min(max(0.5 - distance, 0), 1)
        if coverage < 1 {
          let near = 1 - max(distance, 0) / Self.shadow
          pixels[place] *= 1 - 0.3 * near * near
        }
        guard coverage > 0 else { continue }
        let (u, v) = shape.local(Float(x) + 0.5, Float(y) + 0.5)
        let relief = (shape.x - Float(x) + shape.y - Float(y)) / (2 * shape.radius)
        let rim = min(max(1 + distance / 2.5, 0), 1)
        let colour = fill.colour(u, v, relief: relief) * (1 - 0.25 * rim)
        pixels[place] += (colour - pixels[place]) * coverage
        if distance <= 0 { owner[place] = number }
      }
    }
    shapes.append((shape, fill.colour))
  }

  /// The image with noise added, rounded to 255 levels, `[3, H, W]`.
  mutating func finished() -> Tensor {
    let area = side * side
    // Levels as floats; the same quotients as of a PNG that is read.
    let levels = (0...255).map { Float($0) / 255 }
    return Tensor(uninitialized: [3, side, side]) { planes in
      for place in 0..<area {
        // Six numbers of ten bits; the difference of two has a triangular distribution.
        var bits = generator.next()
        for channel in 0..<3 {
          let difference = Int(bits & 1023) - Int(bits >> 10 & 1023)
          bits >>= 20
          let level = pixels[place][channel] + noise * Float(difference) * (1.0 / 512)
          planes[channel * area + place] = levels[Int(min(max(level, 0), 255) + 0.5)]
        }
      }
    }
  }

  /// The shapes with what shows of each.
  func truth() -> [TruthObject] {
    var windows = [Window?](repeating: nil, count: shapes.count)
    for y in 0..<side {
      for x in 0..<side {
        let number = owner[y * side + x]
        guard number >= 0 else { continue }
        let old = windows[number] ?? Window(x, y, x + 1, y + 1)
        windows[number] = Window(
          min(old.x1, x), min(old.y1, y), max(old.x2, x + 1), max(old.y2, y + 1))
      }
    }
    return shapes.indices.compactMap { number in
      guard let window = windows[number] else { return nil }
      let isInside = (window.y1..<window.y2).flatMap { y in
        owner[y * side + window.x1..<y * side + window.x2].map { $0 == number }
      }
      return TruthObject(
        id: number + 1, label: shapes[number].shape.kind.rawValue,
        mask: RunLengthEncoding(isInside, in: window, width: side, height: side))
    }
  }
}
