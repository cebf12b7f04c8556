import Foundation

/// A colour in Oklab, where equal distances look equally different.
///
/// Björn Ottosson, "A perceptual color space for image processing", 2020.
public struct Oklab: Sendable, Equatable {
  /// Lightness, 0 black to 1 white.
  public var lightness: Float
  /// Green (negative) to red.
  public var a: Float
  /// Blue (negative) to yellow.
  public var b: Float

  /// Makes a colour from lightness and the two opponent axes.
  public init(_ lightness: Float, _ a: Float, _ b: Float) {
    self.lightness = lightness
    self.a = a
    self.b = b
  }

  /// Makes a colour from lightness, chroma and hue in degrees (29 red, 110 yellow, 264 blue).
  public init(lightness: Float, chroma: Float, hue: Float) {
    let angle = Double(hue) * .pi / 180
    self.init(lightness, chroma * Float(cos(angle)), chroma * Float(sin(angle)))
  }

  /// Converts a screen colour.
  public init(_ colour: Colour) {
    func linear(_ value: UInt8) -> Double {
      let v = Double(value) / 255
      return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4)
    }
    let (r, g, b) = (linear(colour.red), linear(colour.green), linear(colour.blue))
    let l = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    let m = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    let s = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    self.init(
      Float(0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s),
      Float(1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s),
      Float(0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s))
  }

  /// The nearest screen colour; parts that no screen shows are clamped.
  public var colour: Colour {
    let (light, a, b) = (Double(lightness), Double(a), Double(b))
    let l = pow(light + 0.3963377774 * a + 0.2158037573 * b, 3)
    let m = pow(light - 0.1055613458 * a - 0.0638541728 * b, 3)
    let s = pow(light - 0.0894841775 * a - 1.2914855480 * b, 3)
    func screen(_ v: Double) -> UInt8 {
      let curved = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055
      return UInt8((min(max(curved, 0), 1) * 255).rounded())
    }
    return Colour(
      screen(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
      screen(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
      screen(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s))
  }
}

/// Colours for numbers: 256 steps that look equally far apart.
public struct ColourMap: Sendable, Equatable {
  /// The colours, from the least value to the greatest.
  public let colours: [Colour]

  /// Dark violet through teal to light yellow: more is lighter, in colour and in grey print.
  public static let sequential = ColourMap(through: [
    Oklab(lightness: 0.22, chroma: 0.09, hue: 300),
    Oklab(lightness: 0.36, chroma: 0.12, hue: 285),
    Oklab(lightness: 0.50, chroma: 0.10, hue: 240),
    Oklab(lightness: 0.64, chroma: 0.11, hue: 180),
    Oklab(lightness: 0.78, chroma: 0.15, hue: 140),
    Oklab(lightness: 0.93, chroma: 0.14, hue: 108),
  ])

  /// Blue for negative, white for 0, red for positive, equally dark at equal distance from 0.
  public static let diverging = ColourMap(through: [
    Oklab(lightness: 0.36, chroma: 0.14, hue: 262),
    Oklab(lightness: 0.57, chroma: 0.145, hue: 256),
    Oklab(lightness: 0.78, chroma: 0.085, hue: 248),
    Oklab(lightness: 0.985, chroma: 0, hue: 0),
    Oklab(lightness: 0.78, chroma: 0.10, hue: 42),
    Oklab(lightness: 0.57, chroma: 0.175, hue: 32),
    Oklab(lightness: 0.36, chroma: 0.14, hue: 26),
  ])

  /// Makes a map that runs straight from each colour to the next, in equal steps of appearance.
  init(through stops: [Oklab]) {
    func distance(_ p: Oklab, _ q: Oklab) -> Float {
      let (l, a, b) = (p.lightness - q.lightness, p.a - q.a, p.b - q.b)
      return (l * l + a * a + b * b).squareRoot()
    }
    let lengths = zip(stops, stops.dropFirst()).map { distance($0, $1) }
    // A diverging map keeps its halves equal even where their lengths differ a little, so that 0
    // is the middle: each stretch gets the mean of its own length and its mirror image's.
    let even = zip(lengths, lengths.reversed()).map { ($0 + $1) / 2 }
    let symmetric = stops.first?.lightness == stops.last?.lightness
    let steps = symmetric ? even : lengths
    let total = steps.reduce(0, +)
    colours = (0..<256).map { index in
      var remaining = Float(index) / 255 * total
      var stretch = 0
      while stretch < steps.count - 1, remaining > steps[stretch] {
        remaining -= steps[stretch]
        stretch += 1
      }
      let t = min(remaining / steps[stretch], 1)
      let (p, q) = (stops[stretch], stops[stretch + 1])
      return Oklab(
        p.lightness + t * (q.lightness - p.lightness), p.a + t * (q.a - p.a), p.b + t * (q.b - p.b)
      ).colour
    }
  }

  /// The colour at a position from 0 to 1; positions outside are clamped, NaN is marked.
  public func colour(at position: Float) -> Colour {
    guard !position.isNaN else { return .notANumber }
    return colours[Int(UInt8(rounding: min(max(position, 0), 1) * 255))]
  }
}

/// Colours that distinguish things and have no order.
public enum Palette {
  /// The colour of a level: 2 for P2 … 6 for P6; others go around again.
  public static func level(_ level: Int) -> Colour {
    levels[((level - 2) % levels.count + levels.count) % levels.count]
  }

  /// A colour for the nth instance; neighbours in number differ plainly in hue and lightness.
  public static func instance(_ number: Int) -> Colour {
    // The golden angle never repeats a hue; the lightness goes through three steps beside it.
    let hue = (Float(number) * 137.508 + 25).truncatingRemainder(dividingBy: 360)
    let lightness: [Float] = [0.70, 0.58, 0.80]
    return Oklab(
      lightness: lightness[((number % 3) + 3) % 3], chroma: 0.15, hue: hue
    ).colour
  }

  /// Hues far apart for every kind of colour vision, with lightness differing as well.
  private static let levels: [Colour] = [
    Oklab(lightness: 0.48, chroma: 0.17, hue: 262).colour,
    Oklab(lightness: 0.66, chroma: 0.13, hue: 165).colour,
    Oklab(lightness: 0.80, chroma: 0.15, hue: 85).colour,
    Oklab(lightness: 0.62, chroma: 0.19, hue: 40).colour,
    Oklab(lightness: 0.48, chroma: 0.17, hue: 330).colour,
  ]
}
