import Foundation

/// NumPy's `.npy` files: magic, version, a Python dictionary as header, then the raw elements.
///
/// Read and written: little-endian `<f4 <f2 <i4 <i8 |u1 |b1`, C order. Anything else is refused by
/// name. Format: NumPy Enhancement Proposal 1 (`numpy.lib.format`).
public enum NPY {
  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Whether a file that begins so is an `.npy` file.
  public static func recognises(_ bytes: [UInt8]) -> Bool { bytes.starts(with: magic) }

  /// The bytes of an `.npy` file, version 1.0, the elements aligned to 64 bytes.
  public static func encode(_ array: NumericArray) -> [UInt8] {
    withParts(of: array) { header, elements in header + elements }
  }

  /// The bytes of an `.npy` file in two parts, so that large arrays need not be copied to be
  /// written: the header, and the elements, which are valid only during the call.
  public static func withParts<Result>(
    of array: NumericArray,
    _ body: (_ header: [UInt8], _ elements: UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    let header = header(of: array)
    return switch array.elements {
    case .float32(let values): try values.withUnsafeBytes { try body(header, $0) }
    case .float16(let values):
      try values.map { Half.bits(of: $0) }.withUnsafeBytes { try body(header, $0) }
    case .int32(let values): try values.withUnsafeBytes { try body(header, $0) }
    case .int64(let values): try values.withUnsafeBytes { try body(header, $0) }
    case .uint8(let values): try values.withUnsafeBytes { try body(header, $0) }
    case .bool(let values):
      try values.map { UInt8($0 ? 1 : 0) }.withUnsafeBytes { try body(header, $0) }
    }
  }

  private static func header(of array: NumericArray) -> [UInt8] {
    let extents = array.shape.extents.map(String.init)
    let tuple = extents.count == 1 ? "(\(extents[0]),)" : "(\(extents.joined(separator: ", ")))"
    var header =
      "{'descr': '\(descriptor(array.elements))', 'fortran_order': False, 'shape': \(tuple), }"
    let unpadded = magic.count + 4 + header.utf8.count + 1
    header += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
    let length = header.utf8.count
    return magic + [1, 0, UInt8(length & 0xff), UInt8(length >> 8)] + Array(header.utf8)
  }

  /// Reads an `.npy` file.
  ///
  /// - Throws: `Fault` if the file is missing, cut short, or of a kind that is not supported.
  public static func read(_ file: URL) throws -> NumericArray {
    try decode(readBytes(of: file), name: file.path)
  }

  /// Reads the bytes of an `.npy` file; `name` is what an error calls it.
  public static func decode(_ bytes: [UInt8], name: String) throws -> NumericArray {
    func fault(_ problem: String) -> Fault {
      Fault(name, problem, remedy: "Save the array again with numpy.save")
    }
    guard bytes.count >= 10, recognises(bytes) else {
      throw fault("this is not an .npy file")
    }
    let start: Int
    let length: Int
    switch bytes[6] {
    case 1:
      start = 10
      length = Int(bytes[8]) | Int(bytes[9]) << 8
    case 2, 3:
      guard bytes.count >= 12 else { throw fault("the header is cut short") }
      start = 12
      length = (0..<4).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    default: throw fault("the .npy format has version \(bytes[6]), known are 1 to 3")
    }
    guard length <= bytes.count - start else { throw fault("the header is cut short") }
    let header = String(decoding: bytes[start..<start + length], as: UTF8.self)
    let (type, shape) = try parse(header: header, fault: fault)
    guard let width = widths[type] else {
      throw fault(
        "elements of type \(type) are not supported, only \(widths.keys.sorted().joined(separator: " "))"
      )
    }
    let payload = start + length
    let (size, overflow) = shape.count.multipliedReportingOverflow(by: width)
    guard !overflow, bytes.count - payload == size else {
      throw fault(
        "\(bytes.count - payload) bytes of elements follow the header, \(shape) of \(type) needs \(size)"
      )
    }
    return NumericArray(shape, elements(of: type, in: bytes, from: payload, count: shape.count))
  }

  private static let widths = ["<f4": 4, "<f2": 2, "<i4": 4, "<i8": 8, "|u1": 1, "|b1": 1]

  private static func descriptor(_ elements: NumericArray.Elements) -> String {
    switch elements {
    case .float32: "<f4"
    case .float16: "<f2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint8: "|u1"
    case .bool: "|b1"
    }
  }

  private static func elements(
    of type: String, in bytes: [UInt8], from start: Int, count: Int
  ) -> NumericArray.Elements {
    switch type {
    case "<f4": .float32(littleEndian(bytes, start, count))
    case "<f2": .float16(littleEndian(bytes, start, count).map { Half.float(bits: $0) })
    case "<i4": .int32(littleEndian(bytes, start, count))
    case "<i8": .int64(littleEndian(bytes, start, count))
    case "|b1": .bool(bytes[start..<start + count].map { $0 != 0 })
    default: .uint8(Array(bytes[start..<start + count]))
    }
  }

  /// Reads the header's dictionary literal: `{'descr': '<f4', 'fortran_order': False, 'shape': …}`.
  private static func parse(
    header: String, fault: (String) -> Fault
  ) throws -> (type: String, shape: Shape) {
    func value(after key: String) -> Substring? {
      guard let range = header.range(of: "'\(key)':") else { return nil }
      return header[range.upperBound...].drop { $0 == " " }
    }
    guard let type = value(after: "descr"), type.first == "'",
      let order = value(after: "fortran_order"), let tuple = value(after: "shape"),
      tuple.first == "(", let end = tuple.firstIndex(of: ")")
    else { throw fault("the header is not a simple array's: \(header.prefix(120))") }
    guard order.hasPrefix("False") else {
      throw fault("the elements are in Fortran order, only C order is supported")
    }
    let parts = tuple[tuple.index(after: tuple.startIndex)..<end].split(separator: ",")
    let extents = parts.compactMap { Int($0.filter { $0 != " " }) }
    guard extents.count == parts.count, let shape = Shape(checking: extents) else {
      throw fault("the header gives an impossible shape (\(parts.joined(separator: ",")))")
    }
    return (String(type.dropFirst().prefix { $0 != "'" }), shape)
  }
}

/// The elements of a little-endian array in a file, copied into memory of their own.
func littleEndian<Element: BitwiseCopyable>(
  _ bytes: [UInt8], _ start: Int, _ count: Int
) -> [Element] {
  // Every platform that Swift compiles this package for is little-endian.
  [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
    bytes.withUnsafeBytes { source in
      let part = source[start..<start + count * MemoryLayout<Element>.stride]
      UnsafeMutableRawBufferPointer(buffer).copyBytes(from: part)
    }
    initialized = count
  }
}
