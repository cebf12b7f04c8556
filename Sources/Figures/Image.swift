import Tensors

/// An image as the network sees one: three colour planes with values from 0 to 1.
///
/// In shapes, H and W are the image's rows and columns.
public struct Image: Sendable, Equatable {
  /// Red, green and blue planes, `[3, H, W]`, from 0 to 1. A grey image has three equal planes.
  public let pixels: Tensor
  /// What the file was, for reports.
  public let source: Source

  /// What a file said of itself before it became three planes of floats.
  public struct Source: Sendable, Equatable {
    /// `PNG`, `JPEG`, or `made` for an image that no file holds.
    public let format: String
    /// Bits per sample in the file: 1, 2, 4, 8 or 16.
    public let bitDepth: Int
    /// The name of the file's colours: `grey`, `grey and alpha`, `RGB`, `palette`, `YCbCr`, …
    public let colours: String
    /// Stored in passes: an interlaced PNG or a progressive JPEG.
    public let inPasses: Bool
    /// The camera's orientation, already applied to `pixels`.
    public let orientation: Orientation

    /// Makes a description of a file.
    public init(
      format: String, bitDepth: Int, colours: String, inPasses: Bool = false,
      orientation: Orientation = .upright
    ) {
      self.format = format
      self.bitDepth = bitDepth
      self.colours = colours
      self.inPasses = inPasses
      self.orientation = orientation
    }
  }

  /// Makes an image from three planes `[3, H, W]`.
  public init(
    pixels: Tensor, source: Source = Source(format: "made", bitDepth: 32, colours: "RGB")
  ) {
    precondition(pixels.shape.rank == 3 && pixels.shape[0] == 3, "\(pixels.shape) is not [3, H, W]")
    self.pixels = pixels
    self.source = source
  }

  /// What a reader should know of the values; nil where nothing is odd about them.
  public var hint: String? {
    Image.hint(bitDepth: source.bitDepth, greatest: pixels.values.max() ?? 0)
  }

  /// What a reader should know of an image whose 16-bit values use only the lowest bits: it is
  /// processed as it is, though it may be a camera's 10, 12 or 14 bits stored in 16.
  ///
  /// - Parameters:
  ///   - bitDepth: bits per sample in the file
  ///   - greatest: the greatest value, of 1
  public static func hint(bitDepth: Int, greatest: Float) -> String? {
    let value = Int((greatest * 65535).rounded())
    guard bitDepth == 16, value > 0, value < 1 << 14 else { return nil }
    let used = Int.bitWidth - value.leadingZeroBitCount
    return
      "the 16-bit values use only the lowest \(used) bits (the greatest is \(value) of 65535), "
      + "so the network sees a dark image; if the camera has \(used) bits, multiply the values by "
      + "\(1 << (16 - used)) first"
  }

  /// Columns.
  public var width: Int { pixels.shape[2] }
  /// Rows.
  public var height: Int { pixels.shape[1] }

  /// `640 × 480, JPEG, 8 bit YCbCr, turned 90° clockwise as its EXIF says`
  public var summary: String {
    var words = "\(width) × \(height), \(source.format), \(source.bitDepth) bit \(source.colours)"
    if source.inPasses { words += source.format == "PNG" ? ", interlaced" : ", progressive" }
    if source.orientation != .upright { words += ", \(source.orientation.words) as its EXIF says" }
    return words
  }
}

/// How the rows and columns of a file lie in the upright image: EXIF's tag 274, values 1 to 8.
public enum Orientation: Int, Sendable, CaseIterable {
  /// Rows run from the top, columns from the left.
  case upright = 1
  /// Mirrored left to right.
  case mirrored = 2
  /// Turned by half a turn.
  case upsideDown = 3
  /// Mirrored top to bottom.
  case flipped = 4
  /// Mirrored along the diagonal from the upper left.
  case transposed = 5
  /// To be turned a quarter clockwise.
  case quarterClockwise = 6
  /// Mirrored along the diagonal from the upper right.
  case transverse = 7
  /// To be turned a quarter counterclockwise.
  case quarterCounterclockwise = 8

  /// What was done to set the image upright.
  public var words: String {
    switch self {
    case .upright: "as stored"
    case .mirrored: "mirrored left to right"
    case .upsideDown: "turned by 180°"
    case .flipped: "mirrored top to bottom"
    case .transposed: "mirrored along the falling diagonal"
    case .quarterClockwise: "turned 90° clockwise"
    case .transverse: "mirrored along the rising diagonal"
    case .quarterCounterclockwise: "turned 90° counterclockwise"
    }
  }

  /// Whether rows become columns.
  public var swapsAxes: Bool { rawValue >= 5 }

  /// Where the upright image's pixel (x, y) is stored; width and height are the file's.
  func stored(x: Int, y: Int, width: Int, height: Int) -> (x: Int, y: Int) {
    switch self {
    case .upright: (x, y)
    case .mirrored: (width - 1 - x, y)
    case .upsideDown: (width - 1 - x, height - 1 - y)
    case .flipped: (x, height - 1 - y)
    case .transposed: (y, x)
    case .quarterClockwise: (y, height - 1 - x)
    case .transverse: (width - 1 - y, height - 1 - x)
    case .quarterCounterclockwise: (width - 1 - y, x)
    }
  }
}

/// The samples of an image as a file holds them: rows of 1 or 3 interleaved channels.
struct Samples {
  var width: Int
  var height: Int
  var channels: Int
  var bytes: [UInt8]
  /// 1 byte per sample, or 2 in this machine's order.
  var bytesPerSample = 1

  /// Planes `[3, H, W]` from 0 to 1, set upright.
  func planes(_ orientation: Orientation) -> Tensor {
    bytes.withUnsafeBytes { raw in
      bytesPerSample == 2
        ? planes(raw.bindMemory(to: UInt16.self), 65535, orientation)
        : planes(raw.bindMemory(to: UInt8.self), 255, orientation)
    }
  }

  private func planes<Sample: FixedWidthInteger>(
    _ samples: UnsafeBufferPointer<Sample>, _ white: Float, _ orientation: Orientation
  ) -> Tensor {
    let rows = orientation.swapsAxes ? width : height
    let columns = orientation.swapsAxes ? height : width
    let area = rows * columns
    return Tensor(uninitialized: [3, rows, columns]) { planes in
      for y in 0..<rows {
        for x in 0..<columns {
          let place = orientation.stored(x: x, y: y, width: width, height: height)
          let first = (place.y * width + place.x) * channels
          for channel in 0..<3 {
            let sample = samples[first + (channels == 3 ? channel : 0)]
            planes[channel * area + y * columns + x] = Float(sample) / white
          }
        }
      }
    }
  }
}
