import CJPEG
import Foundation
import Tensors

/// JPEG files, read by libjpeg.
public enum JPEG {
  static let signature: [UInt8] = [0xff, 0xd8, 0xff]

  /// Whether some bytes begin as a JPEG file does.
  public static func recognises(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature) }

  /// Reads the bytes of a JPEG file, grey or colour, and sets it upright as its EXIF says.
  ///
  /// libjpeg's accurate integer transform and smooth chroma enlarging are used, its defaults, so
  /// that pixels equal those of other readers of that library.
  public static func decode(_ bytes: [UInt8], name: String) throws -> Image {
    var header = figures_jpeg_header()
    var exif = [UInt8](repeating: 0, count: 65536)  // a marker is never longer
    guard figures_jpeg_read(bytes, bytes.count, &header, &exif, nil, 0) != 0 else {
      throw fault(header, bytes, name)
    }
    let width = Int(header.width)
    let height = Int(header.height)
    try ImageLimits.check(width: width, height: height, name: name)
    let colours = try colourWords(header, name)
    guard header.bit_depth == 8 else {
      throw Fault(
        name, "the JPEG has \(header.bit_depth) bits per sample, 8 are supported",
        remedy: "Save it with 8 bits or as a 16-bit PNG")
    }
    let channels = header.components == 1 ? 1 : 3
    let row = width * channels
    var succeeded = false
    let content = [UInt8](unsafeUninitializedCapacity: row * height) { buffer, count in
      succeeded =
        figures_jpeg_read(bytes, bytes.count, &header, &exif, buffer.baseAddress, row) != 0
      count = succeeded ? row * height : 0
    }
    guard succeeded else { throw fault(header, bytes, name) }
    let orientation = EXIF.orientation(Array(exif.prefix(Int(header.exif_size))))
    let samples = Samples(width: width, height: height, channels: channels, bytes: content)
    let source = Image.Source(
      format: "JPEG", bitDepth: 8, colours: colours,
      inPasses: header.progressive != 0, orientation: orientation)
    return Image(pixels: samples.planes(orientation), source: source)
  }

  /// The bytes of a JPEG file, for images that are looked at and not computed with.
  ///
  /// - Parameter quality: libjpeg's, 1 to 100
  public static func encode(_ raster: Raster, quality: Int) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    var size: UInt = 0
    defer { free(bytes) }
    let written = figures_jpeg_write(
      raster.bytes, UInt32(raster.width), UInt32(raster.height), 3, Int32(quality), &bytes, &size)
    precondition(written != 0, "there is not enough memory for a JPEG of \(raster.width) columns")
    return Array(UnsafeBufferPointer(start: bytes, count: Int(size)))
  }

  /// What kind of JPEG file this is, by its frame header (ITU-T T.81, table B.1).
  private static func kind(of bytes: [UInt8]) -> String {
    var place = 2
    // Each marker: 0xff, its number, a length that counts itself.
    while place + 5 <= bytes.count, bytes[place] == 0xff {
      let marker = bytes[place + 1]
      switch marker {
      case 0xc3, 0xc7, 0xcb, 0xcf: return "coded without loss"
      case 0xc5, 0xc6, 0xcd, 0xce: return "coded in several resolutions"
      case 0xc9, 0xca: return "coded arithmetically"
      case 0xc0, 0xc1, 0xc2: return "of \(bytes[place + 4]) bits per sample"
      default: place += 2 + (Int(bytes[place + 2]) << 8 | Int(bytes[place + 3]))
      }
    }
    return "of a rare kind"
  }

  private static func colourWords(
    _ header: figures_jpeg_header, _ name: String
  ) throws -> String {
    switch J_COLOR_SPACE(rawValue: UInt32(header.colours)) {
    case JCS_GRAYSCALE: return "grey"
    case JCS_YCbCr: return "YCbCr"
    case JCS_RGB: return "RGB"
    case JCS_CMYK, JCS_YCCK:
      throw Fault(
        name, "the JPEG holds printing inks (CMYK), and how they look depends on a printer",
        remedy: "Convert it to RGB")
    default:
      throw Fault(
        name, "the JPEG has \(header.components) channels of unknown colours",
        remedy: "Convert it to RGB")
    }
  }

  private static func fault(
    _ header: figures_jpeg_header, _ bytes: [UInt8], _ name: String
  ) -> Fault {
    guard header.unsupported == 0 else {
      return Fault(
        name, "the JPEG is \(kind(of: bytes)), which is not supported",
        remedy: "Save it as an ordinary JPEG of 8 bits, or as PNG")
    }
    guard header.cut_short == 0 else {
      return Fault(name, "the JPEG is cut short", remedy: "Copy the file again from its source")
    }
    return Fault(
      name, "the JPEG is damaged (\(words(header.problem)))",
      remedy: "Copy the file again from its source or save it again")
  }
}

/// The one thing in a camera's EXIF block that moves pixels.
enum EXIF {
  /// The orientation in a TIFF structure (the EXIF block after its six-byte name); upright where
  /// there is none or the structure makes no sense, as viewers do.
  ///
  /// Every offset is checked against the block, and only the first directory is read.
  static func orientation(_ block: [UInt8]) -> Orientation {
    guard block.count >= 8 else { return .upright }
    let littleEndian: Bool
    switch (block[0], block[1]) {
    case (0x49, 0x49): littleEndian = true
    case (0x4d, 0x4d): littleEndian = false
    default: return .upright
    }
    func number(at offset: Int, bytes count: Int) -> Int? {
      guard offset >= 0, offset + count <= block.count else { return nil }
      return (0..<count).reduce(0) { total, index in
        total << 8 | Int(block[offset + (littleEndian ? count - 1 - index : index)])
      }
    }
    guard number(at: 2, bytes: 2) == 42, let directory = number(at: 4, bytes: 4),
      let entries = number(at: directory, bytes: 2)
    else { return .upright }
    for entry in 0..<entries {
      let start = directory + 2 + 12 * entry
      guard let tag = number(at: start, bytes: 2) else { return .upright }
      // Type 3 is a 16-bit number, which is stored in the entry itself.
      if tag == 0x0112, number(at: start + 2, bytes: 2) == 3, number(at: start + 4, bytes: 4) == 1,
        let value = number(at: start + 8, bytes: 2)
      {
        return Orientation(rawValue: value) ?? .upright
      }
    }
    return .upright
  }
}
