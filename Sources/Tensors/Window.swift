/// Part of an image: columns `x1 ..< x2`, rows `y1 ..< y2`.
public struct Window: Hashable, Sendable {
  /// First column.
  public var x1: Int
  /// First row.
  public var y1: Int
  /// One past the last column.
  public var x2: Int
  /// One past the last row.
  public var y2: Int

  /// Makes a window.
  public init(_ x1: Int, _ y1: Int, _ x2: Int, _ y2: Int) {
    self.x1 = x1
    self.y1 = y1
    self.x2 = x2
    self.y2 = y2
  }

  /// Columns.
  public var width: Int { max(0, x2 - x1) }
  /// Rows.
  public var height: Int { max(0, y2 - y1) }
}
