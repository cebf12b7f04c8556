import Foundation
import Tensors

/// Reads little-endian numbers and text from a part of a file and never outside it.
struct ByteReader {
  /// The whole file; its first index is 0.
  let data: Data
  /// Where the next read begins.
  private(set) var position: Int
  /// Where the readable part ends.
  let end: Int
  /// What an error calls the file.
  let name: String

  /// Makes a reader of `range` of a file. Parts of the range outside the file cannot be read.
  init(_ data: Data, _ range: Range<Int>? = nil, name: String) {
    self.data = data.startIndex == 0 ? data : Data(data)
    let range = range ?? 0..<data.count
    self.end = min(max(range.upperBound, 0), data.count)
    self.position = min(max(range.lowerBound, 0), end)
    self.name = name
  }

  /// How many bytes are left.
  var remaining: Int { end - position }

  /// Moves on by `count` bytes and returns where they lie.
  mutating func take(_ count: Int) throws -> Range<Int> {
    guard count >= 0, count <= remaining else { throw cutShort() }
    defer { position += count }
    return position..<position + count
  }

  /// Moves to a place in the file.
  mutating func seek(_ place: Int) throws {
    guard place >= 0, place <= end else { throw cutShort() }
    position = place
  }

  /// The next byte.
  mutating func byte() throws -> UInt8 { data[try take(1).lowerBound] }

  /// The next integer, little-endian.
  mutating func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
    let range = try take(MemoryLayout<T>.size)
    return data.withUnsafeBytes {
      T(littleEndian: $0.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
    }
  }

  /// The next integer, little-endian, as a size: refused where it does not fit an `Int`.
  mutating func size<T: FixedWidthInteger>(_ type: T.Type) throws -> Int {
    let value = try integer(type)
    guard let size = Int(exactly: value), size >= 0 else {
      throw Fault(name, "the file gives an impossible size, \(value)", remedy: ByteReader.remedy)
    }
    return size
  }

  /// The next `count` bytes as UTF-8 text.
  mutating func text(_ count: Int) throws -> String {
    String(decoding: data[try take(count)], as: UTF8.self)
  }

  /// The bytes up to the next line feed, which is skipped, as text.
  mutating func line() throws -> String {
    guard let feed = data[position..<end].firstIndex(of: 0x0a) else { throw cutShort() }
    let line = try text(feed - position)
    position += 1
    return line
  }

  /// What to do about a file that is damaged.
  static let remedy = "Copy or download the file again"

  /// The error for a read past the end.
  func cutShort() -> Fault {
    Fault(
      name, "the file is cut short: it ends in the middle of something after \(data.count) bytes",
      remedy: ByteReader.remedy)
  }
}

extension Data {
  /// The elements that fill `range` of a file, as 32-bit floats.
  ///
  /// - Precondition: `range` lies in the file and holds whole elements.
  func floats(of type: ElementType, _ range: Range<Int>) -> [Float] {
    withUnsafeBytes { type.floats(in: UnsafeRawBufferPointer(rebasing: $0[range])) }
  }
}
