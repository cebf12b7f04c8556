import CPNG
import Foundation
import Tensors

/// PNG files, read and written by libpng.
public enum PNG {
  static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

  /// Whether some bytes begin as a PNG file does.
  public static func recognises(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature) }

  /// Bits per sample as the header of a PNG file has them; 0 for another file.
  public static func bitDepth(of bytes: [UInt8]) -> Int {
    // The signature, then the header's length, type, width and height.
    recognises(bytes) && bytes.count > 24 ? Int(bytes[24]) : 0
  }

  /// Reads the bytes of a PNG file.
  ///
  /// Palettes and small bit depths are expanded, alpha is dropped, grey is repeated. A sample is
  /// divided by the greatest its bit depth can hold, so 16 bits keep their full precision. The
  /// image is set upright as its eXIf chunk says.
  public static func decode(_ bytes: [UInt8], name: String) throws -> Image {
    let (samples, header) = try read(bytes, name: name)
    let orientation = EXIF.orientation(exif(in: bytes))
    let source = Image.Source(
      format: "PNG", bitDepth: Int(header.bit_depth), colours: colourWords(header.colour_type),
      inPasses: header.interlaced != 0, orientation: orientation)
    return Image(pixels: samples.planes(orientation), source: source)
  }

  /// The contents of the eXIf chunk, a TIFF structure; empty where there is none. It may come after
  /// the pixels.
  private static func exif(in bytes: [UInt8]) -> [UInt8] {
    var place = signature.count
    // Length, type, contents, checksum.
    while place + 12 <= bytes.count {
      let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      let contents = place + 8
      guard length <= bytes.count - contents - 4 else { return [] }
      if bytes[place + 4..<contents].elementsEqual(Array("eXIf".utf8)) {
        return Array(bytes[contents..<contents + length])
      }
      place = contents + length + 4
    }
    return []
  }

  /// Reads the bytes of a PNG file as 8-bit colours: what `encode` was given comes back.
  public static func decodeRaster(_ bytes: [UInt8], name: String) throws -> Raster {
    let (samples, _) = try read(bytes, name: name)
    guard samples.channels == 3, samples.bytesPerSample == 1 else {
      return Raster(samples.planes(.upright))
    }
    return Raster(width: samples.width, height: samples.height) { target in
      _ = target.update(fromContentsOf: samples.bytes)
    }
  }

  /// Reads a grey PNG file of 8 or 16 bits as whole numbers: a label map, `[H, W]`, set upright as
  /// its eXIf chunk says.
  public static func decodeLabels(_ bytes: [UInt8], name: String) throws -> NumericArray {
    guard recognises(bytes) else {
      throw Fault(name, "this is not a PNG file", remedy: "Give labels as a grey PNG")
    }
    let (samples, header) = try read(bytes, name: name)
    guard samples.channels == 1, header.bit_depth >= 8 else {
      throw Fault(
        name, "labels are \(header.bit_depth) bit \(colourWords(header.colour_type))",
        remedy: "Give labels as a grey PNG of 8 or 16 bits")
    }
    let values: [Int32] =
      samples.bytesPerSample == 1
      ? samples.bytes.map(Int32.init)
      : samples.bytes.withUnsafeBytes { $0.bindMemory(to: UInt16.self).map(Int32.init) }
    let (width, height) = (samples.width, samples.height)
    let orientation = EXIF.orientation(exif(in: bytes))
    guard orientation != .upright else { return NumericArray([height, width], .int32(values)) }
    let (rows, columns) = orientation.swapsAxes ? (width, height) : (height, width)
    let upright = (0..<rows * columns).map { pixel in
      let (y, x) = pixel.quotientAndRemainder(dividingBy: columns)
      let place = orientation.stored(x: x, y: y, width: width, height: height)
      return values[place.y * width + place.x]
    }
    return NumericArray([rows, columns], .int32(upright))
  }

  private static func read(
    _ bytes: [UInt8], name: String
  ) throws -> (Samples, figures_png_header) {
    var header = figures_png_header()
    guard figures_png_read(bytes, bytes.count, &header, nil, 0) != 0 else {
      throw fault(header, name)
    }
    let width = Int(header.width)
    let height = Int(header.height)
    try ImageLimits.check(width: width, height: height, name: name)
    let grey = header.colour_type & PNG_COLOR_MASK_COLOR == 0
    let channels = grey ? 1 : 3
    let bytesPerSample = header.bit_depth == 16 ? 2 : 1
    let row = width * channels * bytesPerSample
    var succeeded = false
    let content = [UInt8](unsafeUninitializedCapacity: row * height) { buffer, count in
      succeeded =
        figures_png_read(bytes, bytes.count, &header, buffer.baseAddress, row) != 0
      // After a failure nobody looks at the bytes, but they must not be counted as written.
      count = succeeded ? row * height : 0
    }
    guard succeeded else { throw fault(header, name) }
    let samples = Samples(
      width: width, height: height, channels: channels, bytes: content,
      bytesPerSample: bytesPerSample)
    return (samples, header)
  }

  private static func fault(_ header: figures_png_header, _ name: String) -> Fault {
    guard header.cut_short == 0 else {
      return Fault(name, "the PNG is cut short", remedy: "Copy the file again from its source")
    }
    return Fault(
      name, "the PNG is damaged (\(words(header.problem)))",
      remedy: "Copy the file again from its source or save it again")
  }

  private static func colourWords(_ type: Int32) -> String {
    switch type {
    case PNG_COLOR_TYPE_GRAY: "grey"
    case 4: "grey and alpha"
    case 3: "palette"
    case 6: "RGB and alpha"
    default: "RGB"
    }
  }

  /// The bytes of a PNG file with 8-bit RGB samples.
  ///
  /// The same image gives the same bytes with one version of libpng and zlib: level, strategy and
  /// filter are fixed and no chunk tells the time.
  public static func encode(_ raster: Raster) -> [UInt8] {
    write(
      raster.bytes, width: raster.width, height: raster.height, row: 3 * raster.width,
      colourType: PNG_COLOR_TYPE_RGB, bitDepth: 8)
  }

  /// The bytes of a PNG file of 8-bit grey samples in row-major order.
  public static func encode(grey values: [UInt8], width: Int, height: Int) -> [UInt8] {
    precondition(values.count == width * height, "\(values.count) samples, \(width) × \(height)")
    return write(
      values, width: width, height: height, row: width, colourType: PNG_COLOR_TYPE_GRAY,
      bitDepth: 8)
  }

  /// The bytes of a PNG file of 16-bit grey samples in row-major order: a label map.
  public static func encode(labels values: [UInt16], width: Int, height: Int) -> [UInt8] {
    precondition(values.count == width * height, "\(values.count) samples, \(width) × \(height)")
    return write(
      values.withUnsafeBytes { Array($0) }, width: width, height: height, row: 2 * width,
      colourType: PNG_COLOR_TYPE_GRAY, bitDepth: 16)
  }

  private static func write(
    _ samples: [UInt8], width: Int, height: Int, row: Int, colourType: Int32, bitDepth: Int32
  ) -> [UInt8] {
    precondition(width > 0 && height > 0, "PNG has no images of \(width) × \(height)")
    var sink = figures_png_sink()
    var problem = figures_png_header()
    defer { free(sink.bytes) }
    // Figures are flat areas and enlarged cells: without a filter they repeat themselves, and no
    // filter finds more. Higher levels take two to four times as long for a third less, and a trace
    // has a hundred images and more.
    let written = figures_png_write(
      samples, png_uint_32(width), png_uint_32(height), row, colourType, bitDepth, level,
      strategy, filter, &sink, &problem)
    precondition(written != 0, "libpng: \(words(problem.problem))")
    return Array(UnsafeBufferPointer(start: sink.bytes, count: sink.size))
  }

  private static let level: Int32 = 1
  private static let strategy: Int32 = 0  // Z_DEFAULT_STRATEGY
  private static let filter: Int32 = 0x08  // PNG_FILTER_NONE
}

/// The text in a C array of characters that ends with a zero.
func words<Characters>(_ characters: Characters) -> String {
  withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
