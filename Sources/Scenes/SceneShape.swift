// The shapes of a scene as signed distances. Only + - * / and square roots, which IEEE 754 rounds
// alike everywhere, so that a scene has the same bits on every machine.

/// A class of shapes; background is 0.
public enum SceneClass: Int, Sendable, CaseIterable {
  /// A full circle.
  case disc = 1
  /// A circle with a hole.
  case ring
  /// An equilateral triangle.
  case triangle
  /// A star of five points: concave.
  case star
  /// A long, thin rectangle.
  case bar
  /// Two crossed bars: concave.
  case cross

  /// The class names, background first.
  public static let names = ["__background__"] + allCases.map { "\($0)" }

  /// The least size in pixels at which the shape is still told from the others.
  var leastSize: Float {
    switch self {
    case .disc, .triangle: 8
    case .ring, .star, .cross: 12
    case .bar: 20
    }
  }
}

/// One shape at its place.
struct SceneShape {
  var kind: SceneClass
  /// The centre, in pixels.
  var x: Float
  var y: Float
  /// Half the longest extent.
  var radius: Float
  /// Half the width of a bar, as part of the radius.
  var slenderness: Float
  /// The direction of the shape's own first axis, of length 1.
  var cosine: Float
  var sine: Float

  /// A point in the shape's own axes, in pixels from its centre.
  func local(_ px: Float, _ py: Float) -> (u: Float, v: Float) {
    let (dx, dy) = (px - x, py - y)
    return (cosine * dx + sine * dy, cosine * dy - sine * dx)
  }

  /// Pixels from a point to the edge, negative inside. Exact near straight and round edges; past
  /// corners too short, which keeps them sharp.
  func distance(_ u: Float, _ v: Float) -> Float {
    switch kind {
    case .disc: return (u * u + v * v).squareRoot() - radius
    case .ring: return abs((u * u + v * v).squareRoot() - 0.72 * radius) - 0.28 * radius
    case .triangle:
      // The three edges are 0.58 r from the centre: corners at 1.16 r.
      let side = 0.866_025_4 * abs(u)
      return max(v, side - 0.5 * v) - 0.58 * radius
    case .star: return starDistance(u, v)
    case .bar: return max(abs(u) - radius, abs(v) - slenderness * radius)
    case .cross:
      let (a, b) = (abs(u), abs(v))
      let width = 0.3 * radius
      return min(max(a - radius, b - width), max(a - width, b - radius))
    }
  }

  /// The star repeats itself every 72 degrees and mirrored: the point is reflected into the sector
  /// from a tip, which points up, to the next inner corner 36 degrees on. One edge crosses that
  /// sector.
  private func starDistance(_ u: Float, _ v: Float) -> Float {
    var (a, b) = (abs(u), -v)
    // Beyond 72 degrees from the tip, across the line at 72 degrees.
    let beyond = a * 0.309_017 - b * 0.951_056_5
    if beyond > 0 {
      a = abs(a - 2 * beyond * 0.309_017)
      b += 2 * beyond * 0.951_056_5
    }
    let past = a * 0.809_017 - b * 0.587_785_25
    if past > 0 {
      a -= 2 * past * 0.809_017
      b += 2 * past * 0.587_785_25
    }
    // The edge from the tip (0, r) to the inner corner at 0.47 r.
    let (edgeX, edgeY) = (0.276_259_1 * radius, (0.380_238 - 1) * radius)
    let length = (edgeX * edgeX + edgeY * edgeY).squareRoot()
    return (edgeX * (b - radius) - edgeY * a) / length
  }

  /// How far the shape reaches from its centre along x and y, at most.
  var reach: (x: Float, y: Float) {
    guard kind == .bar else {
      let most = kind == .triangle || kind == .cross ? 1.17 * radius : radius
      return (most, most)
    }
    let width = slenderness * radius
    return (
      abs(cosine) * radius + abs(sine) * width, abs(sine) * radius + abs(cosine) * width
    )
  }
}
