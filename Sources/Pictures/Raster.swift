import Foundation
import Tensors

/// A colour with 8 bits each of red, green and blue, as screens show them (sRGB).
public struct Colour: Hashable, Sendable {
  /// Red, 0 to 255.
  public var red: UInt8
  /// Green, 0 to 255.
  public var green: UInt8
  /// Blue, 0 to 255.
  public var blue: UInt8

  /// Makes a colour from its three parts.
  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// The paper on which figures are drawn.
  public static let white = Colour(255, 255, 255)
  /// Text and axes.
  public static let ink = Colour(32, 34, 40)
  /// Text of second rank.
  public static let grey = Colour(96, 100, 110)
  /// Rules and frames.
  public static let faint = Colour(208, 211, 217)
  /// What is not a number, in every heatmap.
  public static let notANumber = Colour(255, 0, 255)
  /// Mostly for boxes and points on pictures.
  public static let yellow = Colour(250, 204, 21)
  /// Mostly for boxes and points on pictures.
  public static let red = Colour(214, 40, 40)
  /// Mostly for boxes and points on pictures.
  public static let blue = Colour(37, 99, 205)
  /// Mostly for boxes and points on pictures.
  public static let green = Colour(22, 138, 80)
  /// Mostly for boxes and points on pictures.
  public static let orange = Colour(232, 121, 12)
  /// Mostly for boxes and points on pictures.
  public static let black = Colour(0, 0, 0)

  /// The colour moved towards another; 0 leaves it, 1 gives the other.
  public func mixed(with other: Colour, _ share: Float) -> Colour {
    func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
      let value = Float(a) + (Float(b) - Float(a)) * min(max(share, 0), 1)
      return UInt8(value.rounded())
    }
    return Colour(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
  }

  /// Black or white, whichever reads better on this colour.
  public var legibleInk: Colour {
    Oklab(self).lightness > 0.64 ? .black : .white
  }
}

/// A picture of 8-bit RGB pixels that can be drawn on.
public struct Raster: Sendable, Equatable {
  /// Columns.
  public let width: Int
  /// Rows.
  public let height: Int
  /// Red, green, blue of every pixel, row by row.
  public var bytes: [UInt8]

  /// Makes a raster of one colour.
  public init(width: Int, height: Int, colour: Colour = .white) {
    precondition(width > 0 && height > 0, "a raster has pixels, not \(width) × \(height)")
    self.width = width
    self.height = height
    if colour == .white {
      bytes = [UInt8](repeating: 255, count: 3 * width * height)
    } else {
      bytes = []
      bytes.reserveCapacity(3 * width * height)
      for _ in 0..<width * height {
        bytes.append(colour.red)
        bytes.append(colour.green)
        bytes.append(colour.blue)
      }
    }
  }

  /// Makes a raster of planes `[3, H, W]` from 0 to 1; values outside are clamped, NaN is marked.
  public init(_ pixels: Tensor) {
    precondition(pixels.shape.rank == 3 && pixels.shape[0] == 3, "\(pixels.shape) is not [3, H, W]")
    self.init(width: pixels.shape[2], height: pixels.shape[1])
    let area = width * height
    pixels.values.withUnsafeBufferPointer { planes in
      bytes.withUnsafeMutableBufferPointer { bytes in
        for index in 0..<area {
          for channel in 0..<3 {
            let value = planes[channel * area + index]
            bytes[3 * index + channel] =
              value.isNaN
              // Cut, not rounded by a call: a trace converts some thirty whole pictures.
              ? (channel == 1 ? 0 : 255) : UInt8(min(max(value, 0), 1) * 255 + 0.5)
          }
        }
      }
    }
  }

  /// The colour of a pixel inside the raster.
  public subscript(x: Int, y: Int) -> Colour {
    get {
      let index = 3 * (y * width + x)
      return Colour(bytes[index], bytes[index + 1], bytes[index + 2])
    }
    set {
      let index = 3 * (y * width + x)
      bytes[index] = newValue.red
      bytes[index + 1] = newValue.green
      bytes[index + 2] = newValue.blue
    }
  }

  /// The part of the raster in a rectangle, which is moved inside if it reaches outside.
  public func cropped(x: Int, y: Int, width: Int, height: Int) -> Raster {
    let left = min(max(x, 0), self.width - 1)
    let top = min(max(y, 0), self.height - 1)
    let columns = min(max(width, 1), self.width - left)
    let rows = min(max(height, 1), self.height - top)
    var result = Raster(width: columns, height: rows)
    result.paste(self, x: -left, y: -top)
    return result
  }

  /// Copies another raster with its upper left corner at (x, y); what falls outside is left out.
  public mutating func paste(_ other: Raster, x: Int, y: Int) {
    let left = max(x, 0)
    let right = min(x + other.width, width)
    guard left < right else { return }
    for row in max(y, 0)..<max(max(y, 0), min(y + other.height, height)) {
      let source = 3 * ((row - y) * other.width + left - x)
      let target = 3 * (row * width + left)
      let count = 3 * (right - left)
      bytes.replaceSubrange(target..<target + count, with: other.bytes[source..<source + count])
    }
  }

  /// The raster at another size: every pixel of the result shows the one under its centre, or the
  /// mean of those that it covers where the result is smaller.
  public func resized(width newWidth: Int, height newHeight: Int) -> Raster {
    if newWidth == width && newHeight == height { return self }
    let columns = spans(from: width, to: newWidth)
    let rows = spans(from: height, to: newHeight)
    var result = Raster(width: newWidth, height: newHeight)
    for y in 0..<newHeight {
      for x in 0..<newWidth {
        var sums = (0, 0, 0)
        for row in rows[y] {
          for column in columns[x] {
            let index = 3 * (row * width + column)
            sums.0 += Int(bytes[index])
            sums.1 += Int(bytes[index + 1])
            sums.2 += Int(bytes[index + 2])
          }
        }
        let count = rows[y].count * columns[x].count
        let target = 3 * (y * newWidth + x)
        result.bytes[target] = UInt8((sums.0 + count / 2) / count)
        result.bytes[target + 1] = UInt8((sums.1 + count / 2) / count)
        result.bytes[target + 2] = UInt8((sums.2 + count / 2) / count)
      }
    }
    return result
  }
}

/// For every place of a shorter or longer row, the places of the original that it shows.
func spans(from count: Int, to length: Int) -> [Range<Int>] {
  (0..<length).map { place in
    guard length < count else {
      let index = (2 * place + 1) * count / (2 * length)
      return index..<index + 1
    }
    let first = place * count / length
    return first..<max(first + 1, (place + 1) * count / length)
  }
}
