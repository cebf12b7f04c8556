/// The extent of a tensor along each axis, outermost first: `[N, C, H, W]`.
///
/// Elements are stored row-major: the last axis is contiguous.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// Extents, outermost axis first. Empty for a scalar.
  public let extents: [Int]

  /// Makes a shape. No extent may be negative.
  public init(_ extents: [Int]) {
    precondition(extents.allSatisfy { $0 >= 0 }, "a shape has no negative extent: \(extents)")
    self.extents = extents
  }

  /// Makes a shape from a literal, `[1, 3, 800, 1088]`.
  public init(arrayLiteral elements: Int...) {
    self.init(elements)
  }

  /// The number of axes.
  @inlinable public var rank: Int { extents.count }

  /// The number of elements: the product of the extents, 1 for a scalar.
  public var count: Int { extents.reduce(1, *) }

  /// The extent of one axis.
  @inlinable public subscript(axis: Int) -> Int { extents[axis] }

  /// How far apart, in elements, two neighbours along each axis lie.
  public var strides: [Int] {
    var strides = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      strides[axis] = strides[axis + 1] * extents[axis + 1]
    }
    return strides
  }

  /// `[1, 3, 800, 1088]`
  public var description: String {
    "[" + extents.map(String.init).joined(separator: ", ") + "]"
  }
}

extension Shape {
  /// A shape from a file has at most so many axes, as many as torch allows.
  public static let greatestRank = 64

  /// A shape from extents that came from a file: nil where there are too many of them, one is
  /// negative, or the number of elements does not fit an `Int`.
  public init?(checking extents: [Int]) {
    guard extents.count <= Shape.greatestRank else { return nil }
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
