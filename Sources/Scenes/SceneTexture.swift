// Colours, patterns and noise of a scene.

import Tensors

/// A colour, each part from 0 to 255.
typealias SceneColour = SIMD3<Float>

extension SeededGenerator {
  /// A number in the range.
  mutating func uniform(_ range: ClosedRange<Float>) -> Float {
    range.lowerBound + uniform() * (range.upperBound - range.lowerBound)
  }

  /// Whether an event of a probability happens.
  mutating func happens(_ probability: Float) -> Bool { uniform() < probability }

  /// A colour of any hue, with a brightness and a saturation from two ranges.
  mutating func colour(
    brightness: ClosedRange<Float>, saturation: ClosedRange<Float>
  ) -> SceneColour {
    let top = 255 * uniform(brightness)
    let bottom = top * (1 - uniform(saturation))
    let middle = bottom + (top - bottom) * uniform()
    let parts = [top, bottom, middle]
    let order = choose(3, of: 3)
    return SceneColour(parts[order[0]], parts[order[1]], parts[order[2]])
  }

  /// A direction, each nearly equally likely: a point of the unit circle without sines, from a
  /// quarter parametrised by t, ((1 - t^2) / (1 + t^2), 2 t / (1 + t^2)).
  mutating func direction() -> (cosine: Float, sine: Float) {
    let t = uniform()
    let (cosine, sine) = ((1 - t * t) / (1 + t * t), 2 * t / (1 + t * t))
    switch below(4) {
    case 0: return (cosine, sine)
    case 1: return (-sine, cosine)
    case 2: return (-cosine, -sine)
    default: return (sine, -cosine)
    }
  }
}

/// How far apart two colours are: the sum over the three parts.
func distance(_ first: SceneColour, _ second: SceneColour) -> Float {
  let difference = first - second
  return abs(difference.x) + abs(difference.y) + abs(difference.z)
}

/// How a shape is filled.
struct SceneFill {
  enum Pattern: Int, CaseIterable {
    case plain, stripes, checks, dots
  }

  var colour: SceneColour
  var pattern: Pattern
  /// Pixels after which the pattern repeats itself.
  var period: Float
  /// How much brighter and darker the pattern is, in levels.
  var contrast: Float

  /// The colour at a point in the shape's own axes; `relief` falls from the upper left to the lower
  /// right, from 1 to -1.
  func colour(_ u: Float, _ v: Float, relief: Float) -> SceneColour {
    var light = 14 * relief
    switch pattern {
    case .plain: break
    case .stripes: light += contrast * (4 * wave(u) - 1)
    case .checks: light += (wave(u) < 0.25) == (wave(v) < 0.25) ? contrast : -contrast
    case .dots:
      let (a, b) = (wave(u), wave(v))
      light += a * a + b * b < 0.07 ? contrast : -0.5 * contrast
    }
    return colour + SceneColour(repeating: light)
  }

  /// The distance to the nearest multiple of the period, from 0 to 0.5 of it.
  private func wave(_ place: Float) -> Float {
    let turns = place / period
    return abs(turns - turns.rounded())
  }
}

/// Smooth noise: random numbers on a coarse grid, blended between.
struct ValueNoise {
  private let columns: Int
  private let numbers: [Float]
  /// For every pixel along a side, its cell and the share of the next one.
  private let cells: [(index: Int, share: Float)]

  /// Makes noise from -1 to 1 for a square image.
  ///
  /// - Parameter cell: the grid's pitch in pixels
  init(side: Int, cell: Int, _ generator: inout SeededGenerator) {
    columns = side / cell + 2
    var numbers: [Float] = []
    for _ in 0..<columns * columns { numbers.append(2 * generator.uniform() - 1) }
    self.numbers = numbers
    cells = (0..<side).map { place in
      let part = Float(place % cell) / Float(cell)
      return (place / cell, part * part * (3 - 2 * part))
    }
  }

  /// Adds the noise, `scale` times, to a plane `[side, side]`.
  func add(to plane: inout [Float], scale: Float) {
    let side = cells.count
    var line = [Float](repeating: 0, count: columns)
    for y in 0..<side {
      let (row, share) = cells[y]
      for column in 0..<columns {
        let upper = numbers[row * columns + column]
        line[column] = upper + (numbers[(row + 1) * columns + column] - upper) * share
      }
      for x in 0..<side {
        let (column, part) = cells[x]
        let left = line[column]
        plane[y * side + x] += scale * (left + (line[column + 1] - left) * part)
      }
    }
  }
}
