import Foundation

/// How a weight file stores one number.
public enum ElementType: String, Sendable, CaseIterable {
  /// 32-bit floats.
  case float32
  /// IEEE 754 binary16.
  case float16
  /// The upper half of a 32-bit float.
  case bfloat16
  /// 64-bit floats; narrowed to 32 bits when read.
  case float64
  /// Signed 64-bit integers.
  case int64
  /// Signed 32-bit integers.
  case int32
  /// Signed 16-bit integers.
  case int16
  /// Signed bytes.
  case int8
  /// Bytes.
  case uint8
  /// Truth values, one byte each.
  case bool

  /// Bytes per element.
  public var width: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Whether the elements are floats: only those can be NaN or infinite.
  var isFloat: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: false
    }
  }

  /// The elements that fill `range` of a file, as 32-bit floats.
  ///
  /// - Precondition: `range` lies in the file and holds whole elements.
  func floats(in data: Data, _ range: Range<Int>) -> [Float] {
    let count = range.count / width
    return data.withUnsafeBytes { file in
      let source = UnsafeRawBufferPointer(rebasing: file[range])
      return [Float](unsafeUninitializedCapacity: count) { target, initialized in
        initialized = count
        guard count > 0 else { return }
        switch self {
        case .float32: UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        case .float16: Half.widen(source, into: target)
        case .bfloat16:
          convert(source, UInt16.self, target) { Half.float(bfloat: $0) }
        case .float64: convert(source, Double.self, target) { Float($0) }
        case .int64: convert(source, Int64.self, target) { Float($0) }
        case .int32: convert(source, Int32.self, target) { Float($0) }
        case .int16: convert(source, Int16.self, target) { Float($0) }
        case .int8: convert(source, Int8.self, target) { Float($0) }
        case .uint8: convert(source, UInt8.self, target) { Float($0) }
        case .bool: convert(source, UInt8.self, target) { $0 == 0 ? 0 : 1 }
        }
      }
    }
  }
}

/// Converts as many elements as `target` has room for; the source need not be aligned.
@inline(__always)
private func convert<Element: BitwiseCopyable>(
  _ source: UnsafeRawBufferPointer, _ type: Element.Type,
  _ target: UnsafeMutableBufferPointer<Float>,
  _ transform: (Element) -> Float
) {
  let stride = MemoryLayout<Element>.size
  for index in 0..<source.count / stride {
    target[index] = transform(source.loadUnaligned(fromByteOffset: index * stride, as: type))
  }
}

extension Half {
  /// Widens the binary16 elements of `source` into `target`, with the values of `float(bits:)` but
  /// without its branches, so that the loop runs on vectors.
  static func widen(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableBufferPointer<Float>
  ) {
    convert(source, UInt16.self, target) { bits in
      let sign = UInt32(bits & 0x8000) << 16
      let magnitude = UInt32(bits & 0x7fff) << 13
      // Exponent and fraction now stand where a float has them, with a bias of 15 instead of 127:
      // a product with 2^112 corrects that exactly, subnormals included.
      let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
      let special = Float(bitPattern: magnitude | 0x7f80_0000).bitPattern
      return Float(bitPattern: sign | (magnitude >= 0x0f80_0000 ? special : scaled))
    }
  }
}

extension Array where Element == Float {
  /// Whether no element is NaN or infinite.
  var areFinite: Bool {
    withUnsafeBufferPointer { buffer in
      // No early exit: the loop over the bits runs on vectors.
      var worst: UInt32 = 0
      for value in buffer { worst = Swift.max(worst, value.bitPattern & 0x7fff_ffff) }
      return worst < 0x7f80_0000
    }
  }
}

extension Shape {
  /// A shape from extents that came from a file: nil where one is negative or the number of
  /// elements does not fit an `Int`.
  public init?(checking extents: [Int]) {
    // An extent of 0 does not make the others harmless: strides are products of them.
    var product = 1
    for extent in extents {
      guard extent >= 0 else { return nil }
      let (value, overflow) = product.multipliedReportingOverflow(by: Swift.max(extent, 1))
      guard !overflow else { return nil }
      product = value
    }
    self.init(extents)
  }
}
