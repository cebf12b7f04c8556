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
  /// Mostly for boxes and points on images.
  public static let yellow = Colour(250, 204, 21)
  /// Mostly for boxes and points on images.
  public static let red = Colour(214, 40, 40)
  /// Mostly for boxes and points on images.
  public static let blue = Colour(37, 99, 205)
  /// Mostly for boxes and points on images.
  public static let green = Colour(22, 138, 80)
  /// Mostly for boxes and points on images.
  public static let orange = Colour(232, 121, 12)
  /// Mostly for boxes and points on images.
  public static let black = Colour(0, 0, 0)

  /// The colour moved towards another; 0 leaves it, 1 gives the other.
  public func mixed(with other: Colour, _ share: Float) -> Colour {
    func mix(_ a: UInt8, _ b: UInt8) -> UInt8 {
      UInt8(rounding: Float(a) + (Float(b) - Float(a)) * min(max(share, 0), 1))
    }
    return Colour(mix(red, other.red), mix(green, other.green), mix(blue, other.blue))
  }

  /// Black or white, whichever reads better on this colour.
  public var legibleInk: Colour {
    Oklab(self).lightness > 0.64 ? .black : .white
  }
}

extension UInt8 {
  // Pixels are rounded by the million. `rounded()` is a call on CPUs that have no instruction for
  // it, and `UInt8(_:)` of a float checks its range; these have no branch. Added to 2^23, a number
  // from 0 to 255 loses its fraction, rounded to even, and its bits end in the whole number.

  /// The nearest whole number, halves away from zero, as `rounded()`; of a value from 0 to 255.
  init(rounding value: Float) {
    let even = (value + 0x1p23) - 0x1p23
    let nearest = value - even == 0.5 ? even + 1 : even
    self.init(truncatingIfNeeded: (nearest + 0x1p23).bitPattern)
  }

  /// The whole number below; of a value from 0 to less than 256.
  init(cutting value: Float) {
    let even = (value + 0x1p23) - 0x1p23
    let below = even > value ? even - 1 : even
    self.init(truncatingIfNeeded: (below + 0x1p23).bitPattern)
  }
}

/// An image of 8-bit RGB pixels that can be drawn on.
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

  /// Makes a raster whose bytes `write` fills in, every one of them.
  init(width: Int, height: Int, _ write: (UnsafeMutableBufferPointer<UInt8>) -> Void) {
    precondition(width > 0 && height > 0, "a raster has pixels, not \(width) × \(height)")
    self.width = width
    self.height = height
    bytes = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, count in
      write(buffer)
      count = 3 * width * height
    }
  }

  /// Makes a raster of planes `[3, H, W]` from 0 to 1; values outside are clamped, NaN is marked.
  public init(_ pixels: Tensor) {
    precondition(pixels.shape.rank == 3 && pixels.shape[0] == 3, "\(pixels.shape) is not [3, H, W]")
    let area = pixels.shape[1] * pixels.shape[2]
    self.init(width: pixels.shape[2], height: pixels.shape[1]) { bytes in
      pixels.values.withUnsafeBufferPointer { planes in
        for channel in 0..<3 {
          for index in 0..<area {
            let value = planes[channel * area + index]
            bytes[3 * index + channel] =
              value.isNaN
              ? (channel == 1 ? 0 : 255) : UInt8(cutting: min(max(value, 0), 1) * 255 + 0.5)
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
    if x == 0 && y == 0 && width == self.width && height == self.height { return self }
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
    // The sum of each column over the rows that a row of the result shows.
    var sums = [UInt32](repeating: 0, count: 3 * width)
    return Raster(width: newWidth, height: newHeight) { target in
      for y in 0..<newHeight {
        let first = 3 * y * newWidth
        if y > 0, rows[y] == rows[y - 1] {
          for place in first..<first + 3 * newWidth { target[place] = target[place - 3 * newWidth] }
          continue
        }
        add(rows[y], to: &sums)
        sums.withUnsafeBufferPointer { sums in
          var divisor = Divisor(0)
          for x in 0..<newWidth {
            let count = UInt64(rows[y].count * columns[x].count)
            if count != divisor.value { divisor = Divisor(count) }
            var (red, green, blue) = (count / 2, count / 2, count / 2)
            for column in columns[x] {
              red &+= UInt64(sums[3 * column])
              green &+= UInt64(sums[3 * column + 1])
              blue &+= UInt64(sums[3 * column + 2])
            }
            target[first + 3 * x] = UInt8(truncatingIfNeeded: divisor.divide(red))
            target[first + 3 * x + 1] = UInt8(truncatingIfNeeded: divisor.divide(green))
            target[first + 3 * x + 2] = UInt8(truncatingIfNeeded: divisor.divide(blue))
          }
        }
      }
    }
  }

  /// Every byte of a row, summed over some rows.
  private func add(_ rows: Range<Int>, to sums: inout [UInt32]) {
    bytes.withUnsafeBufferPointer { bytes in
      sums.withUnsafeMutableBufferPointer { sums in
        let count = 3 * width
        for place in 0..<count { sums[place] = UInt32(bytes[rows.lowerBound * count + place]) }
        for row in rows.dropFirst() {
          for place in 0..<count { sums[place] &+= UInt32(bytes[row * count + place]) }
        }
      }
    }
  }
}

/// Divides many numbers by one: a product with its reciprocal costs a tenth of a division.
private struct Divisor {
  let value: UInt64
  private let reciprocal: UInt64

  init(_ value: UInt64) {
    self.value = value
    reciprocal = value > 0 && value < 65_536 ? (1 << 40 + value - 1) / value : 0
  }

  /// `number / value`, cut; exact for sums of `value` bytes and a half: the reciprocal is too large
  /// by less than `value / 2^40` of itself, which moves no quotient up to the next whole number.
  func divide(_ number: UInt64) -> UInt64 {
    reciprocal > 0 ? (number &* reciprocal) >> 40 : number / value
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
