import Foundation
import Tensors

/// The largest images that are read; a header may claim anything.
enum ImageLimits {
  static let side = 30_000
  static let pixels = 50_000_000

  /// Refuses an image for the size its header gives, before any memory is asked for.
  static func check(width: Int, height: Int, name: String) throws {
    guard width > 0, height > 0 else {
      throw Fault(
        name, "its header gives it no pixels, \(width) × \(height)", remedy: "Save it again")
    }
    guard width <= side, height <= side, width * height <= pixels else {
      throw Fault(
        name,
        "its header says \(width) × \(height) pixels, more than the limit of "
          + "50 megapixels and 30,000 pixels a side",
        remedy: "Give a smaller version of the image")
    }
  }
}

/// Reads a PNG or JPEG file, whichever its first bytes show it to be.
///
/// - Throws: `Fault` for a file that is missing, empty, cut short, damaged, too large, or no
///   image.
public func readImage(_ file: URL) throws -> Image {
  try decodeImage(readBytes(of: file), name: file.path)
}

/// Reads the bytes of a PNG or JPEG file; `name` is what an error calls it.
public func decodeImage(_ bytes: [UInt8], name: String) throws -> Image {
  guard !bytes.isEmpty else {
    throw Fault(name, "the file is empty", remedy: "Give a PNG or JPEG image")
  }
  if PNG.recognises(bytes) { return try PNG.decode(bytes, name: name) }
  if JPEG.recognises(bytes) { return try JPEG.decode(bytes, name: name) }
  guard !PNG.signature.starts(with: bytes), !JPEG.signature.starts(with: bytes) else {
    throw Fault(name, "the image is cut short", remedy: "Copy the file again from its source")
  }
  throw Fault(
    name, "this is \(foreignFormat(bytes) ?? otherContent(bytes)), not a PNG or JPEG image",
    remedy: "Convert it to PNG or give another file")
}

/// The format of an image that is neither PNG nor JPEG, `a GIF image`; nil where it seems to be none.
package func foreignFormat(_ bytes: [UInt8]) -> String? {
  func has(_ text: String, at offset: Int = 0) -> Bool {
    bytes.dropFirst(offset).starts(with: Array(text.utf8))
  }
  // The header of a .safetensors file begins there; the length before it may be anything.
  if has("{", at: 8) { return nil }
  if has("GIF8") { return "a GIF image" }
  if has("BM") { return "a BMP image" }
  if has("II*\0") || has("MM\0*") { return "a TIFF image" }
  if has("RIFF"), has("WEBP", at: 8) { return "a WebP image" }
  if has("ftypheic", at: 4) || has("ftypmif1", at: 4) { return "a HEIC image" }
  if has("ftypavif", at: 4) { return "an AVIF image" }
  if has("%PDF") { return "a PDF document" }
  if has("<svg") { return "a drawing" }
  return nil
}

private func otherContent(_ bytes: [UInt8]) -> String {
  if bytes.starts(with: Array("<?xml".utf8)) { return "a drawing or other XML" }
  if bytes.prefix(512).allSatisfy({ $0 >= 32 || $0 == 9 || $0 == 10 || $0 == 13 }) {
    return "text"
  }
  return "something else"
}
