/// What a `.npy` file can hold: elements of one of six types, with a shape.
public struct NumericArray: Sendable, Equatable {
  /// The elements, in row-major order.
  public enum Elements: Sendable, Equatable {
    /// 32-bit floats, `<f4`.
    case float32([Float])
    /// 16-bit floats, `<f2`, widened to 32 bits in memory.
    case float16([Float])
    /// 32-bit integers, `<i4`.
    case int32([Int32])
    /// 64-bit integers, `<i8`.
    case int64([Int64])
    /// Bytes, `|u1`.
    case uint8([UInt8])
    /// Truth values, `|b1`.
    case bool([Bool])

    /// The number of elements.
    public var count: Int {
      switch self {
      case .float32(let values), .float16(let values): values.count
      case .int32(let values): values.count
      case .int64(let values): values.count
      case .uint8(let values): values.count
      case .bool(let values): values.count
      }
    }
  }

  /// The extent of each axis.
  public let shape: Shape
  /// The elements, `shape.count` of them.
  public let elements: Elements

  /// Makes an array from elements in row-major order.
  public init(_ shape: Shape, _ elements: Elements) {
    precondition(elements.count == shape.count, "\(elements.count) elements cannot fill \(shape)")
    self.shape = shape
    self.elements = elements
  }

  /// Makes a float array from a tensor.
  public init(_ tensor: Tensor) {
    self.init(tensor.shape, .float32(tensor.values))
  }

  /// Makes a 64-bit integer array.
  public init(_ shape: Shape, integers: [Int]) {
    self.init(shape, .int64(integers.map(Int64.init)))
  }

  /// The elements as 32-bit floats, whatever their type.
  public var tensor: Tensor {
    switch elements {
    case .float32(let values), .float16(let values): Tensor(shape, values)
    case .int32(let values): Tensor(shape, values.map(Float.init))
    case .int64(let values): Tensor(shape, values.map(Float.init))
    case .uint8(let values): Tensor(shape, values.map(Float.init))
    case .bool(let values): Tensor(shape, values.map { $0 ? 1 : 0 })
    }
  }

  /// The elements as integers, or nil if they are floats.
  public var integers: [Int]? {
    switch elements {
    case .float32, .float16: nil
    case .int32(let values): values.map(Int.init)
    case .int64(let values): values.map(Int.init)
    case .uint8(let values): values.map(Int.init)
    case .bool(let values): values.map { $0 ? 1 : 0 }
    }
  }

  /// NumPy's name of the element type: `float32`, `float16`, `int32`, `int64`, `uint8`, `bool`.
  public var typeName: String {
    switch elements {
    case .float32: "float32"
    case .float16: "float16"
    case .int32: "int32"
    case .int64: "int64"
    case .uint8: "uint8"
    case .bool: "bool"
    }
  }
}
