import Foundation
import Kernels
import Tensors

/// The arrays that a page carries with it.
///
/// Each is stored in the page as text: its elements' bytes, little-endian, sorted so that all first
/// bytes come first, then all second ones (floats that differ little then repeat themselves),
/// compressed by zlib, in base64.
struct PageData {
  /// How an array's elements are kept.
  enum Form: String, Codable {
    /// 32-bit floats, for what the page computes with.
    case float32
    /// 16-bit floats, for what is only looked at.
    case float16
    /// 32-bit integers.
    case int32
    /// Bytes.
    case uint8

    var size: Int {
      switch self {
      case .float32, .int32: 4
      case .float16: 2
      case .uint8: 1
      }
    }
  }

  private struct Entry: Sendable {
    var name: String
    var shape: [Int]
    var form: Form
    /// The elements, in the order of the array.
    var bytes: [UInt8]
  }

  private var entries: [Entry] = []

  /// Adds floats under a name, which no other array may have; a second addition is ignored, so that
  /// exhibits can share what they show.
  mutating func add(_ name: String, _ tensor: Tensor, as form: Form) {
    precondition(form == .float32 || form == .float16, "floats are kept as floats")
    guard !has(name) else { return }
    let bytes =
      form == .float32
      ? tensor.values.withUnsafeBytes { Array($0) }
      : tensor.values.map(Half.bits(of:)).withUnsafeBytes { Array($0) }
    entries.append(Entry(name: name, shape: tensor.shape.extents, form: form, bytes: bytes))
  }

  /// Adds integers.
  mutating func add(_ name: String, integers: [Int], shape: [Int]) {
    guard !has(name) else { return }
    let bytes = integers.map { Int32(clamping: $0) }.withUnsafeBytes { Array($0) }
    entries.append(Entry(name: name, shape: shape, form: .int32, bytes: bytes))
  }

  /// Adds bytes.
  mutating func add(_ name: String, bytes: [UInt8], shape: [Int]) {
    guard !has(name) else { return }
    entries.append(Entry(name: name, shape: shape, form: .uint8, bytes: bytes))
  }

  /// Whether there is an array of this name.
  func has(_ name: String) -> Bool { entries.contains { $0.name == name } }

  /// One array as a page's template takes it.
  struct Packed: Sendable {
    /// Its name.
    let name: String
    /// `[64, 64]`
    let shape: String
    /// The form's name.
    let form: String
    /// The elements.
    let base64: String
  }

  /// Every array, packed, in the order of the additions.
  func packed() -> [Packed] {
    Threads.map(entries.count) { index in
      let entry = entries[index]
      let sorted = bytePlanes(entry.bytes, size: entry.form.size)
      return Packed(
        name: entry.name, shape: "\(entry.shape)", form: entry.form.rawValue,
        base64: Data(Compression.deflate(sorted)).base64EncodedString())
    }
  }
}

/// The bytes of elements of `size` bytes, sorted by their place in the element.
func bytePlanes(_ bytes: [UInt8], size: Int) -> [UInt8] {
  guard size > 1 else { return bytes }
  let count = bytes.count / size
  return [UInt8](unsafeUninitializedCapacity: bytes.count) { target, written in
    for plane in 0..<size {
      for index in 0..<count { target[plane * count + index] = bytes[index * size + plane] }
    }
    written = count * size
  }
}
