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
  public var isFloat: Bool {
    switch self {
    case .float32, .float16, .bfloat16, .float64: true
    default: false
    }
  }

  /// The elements that fill some bytes of a file, as 32-bit floats. The bytes need not be aligned.
  ///
  /// - Precondition: `bytes` holds whole elements.
  public func floats(in bytes: UnsafeRawBufferPointer) -> [Float] {
    [Float](unsafeUninitializedCapacity: bytes.count / width) { target, initialized in
      initialized = bytes.count / width
      guard initialized > 0 else { return }
      switch self {
      case .float32: UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
      case .float16: convert(bytes, UInt16.self, target) { Half.float(bits: $0) }
      case .bfloat16: convert(bytes, UInt16.self, target) { Half.float(bfloat: $0) }
      case .float64: convert(bytes, Double.self, target) { Float($0) }
      case .int64: convert(bytes, Int64.self, target) { Float($0) }
      case .int32: convert(bytes, Int32.self, target) { Float($0) }
      case .int16: convert(bytes, Int16.self, target) { Float($0) }
      case .int8: convert(bytes, Int8.self, target) { Float($0) }
      case .uint8: convert(bytes, UInt8.self, target) { Float($0) }
      case .bool: convert(bytes, UInt8.self, target) { $0 == 0 ? 0 : 1 }
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
