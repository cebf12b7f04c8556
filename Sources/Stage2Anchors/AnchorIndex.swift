// Stage 2, how anchors are counted: level after level, and within a level by row, by column, by
// shape. Stages 3 and 7, the ledger and the page use this one order.
//
// N images, A anchors per cell, H W rows and columns of a level's grid.

import Stage0Input

/// One anchor: which of its cell's shapes, in which cell of which level.
public struct AnchorPlace: Hashable, Sendable {
  /// The pyramid level, 2 for P2.
  public var level: Int
  /// Row of the cell in the level's grid.
  public var row: Int
  /// Column of the cell.
  public var column: Int
  /// Which of the cell's A anchors.
  public var shape: Int

  /// Makes a place.
  public init(level: Int, row: Int, column: Int, shape: Int) {
    (self.level, self.row, self.column, self.shape) = (level, row, column, shape)
  }
}

/// The cells of one level and the anchors at them.
public struct AnchorGrid: Hashable, Sendable {
  /// The pyramid level, 2 for P2.
  public let level: Int
  /// H
  public let rows: Int
  /// W
  public let columns: Int
  /// A, the anchors of a cell.
  public let shapes: Int
  /// The index of the level's first anchor among those of all levels.
  public let first: Int

  /// Makes a grid.
  public init(level: Int, rows: Int, columns: Int, shapes: Int, first: Int = 0) {
    (self.level, self.rows, self.columns) = (level, rows, columns)
    (self.shapes, self.first) = (shapes, first)
  }

  /// The number of cells, H W.
  public var cells: Int { rows * columns }
  /// The number of anchors, H W A.
  public var count: Int { cells * shapes }
  /// The indices of the level's anchors among those of all levels.
  public var indices: Range<Int> { first..<first + count }

  /// The index among the anchors of all levels: `first + (row W + column) A + shape`.
  public func index(row: Int, column: Int, shape: Int) -> Int {
    first + (row * columns + column) * shapes + shape
  }

  /// The place of an anchor of this level, from its index among those of all levels.
  public func place(of index: Int) -> AnchorPlace {
    let (cell, shape) = (index - first).quotientAndRemainder(dividingBy: shapes)
    let (row, column) = cell.quotientAndRemainder(dividingBy: columns)
    return AnchorPlace(level: level, row: row, column: column, shape: shape)
  }

  /// Where a cell's shape has its logit in the row-major elements of `objectness [N, A, H, W]`.
  public func logitOffset(image: Int = 0, row: Int, column: Int, shape: Int) -> Int {
    (image * shapes + shape) * cells + row * columns + column
  }

  /// Where a cell's shape has the first of its four deltas in the row-major elements of `deltas [N,
  /// 4 A, H, W]`: channel `4 shape + c` holds coordinate c, so that the next three follow at
  /// distances of `cells`.
  public func deltaOffset(image: Int = 0, row: Int, column: Int, shape: Int) -> Int {
    4 * (image * shapes + shape) * cells + row * columns + column
  }
}

/// The grids of all levels, in the order in which their anchors are counted.
public struct AnchorGrids: Hashable, Sendable {
  /// The finest level first.
  public let levels: [AnchorGrid]

  /// Makes the grids of levels that follow each other in the pyramid.
  ///
  /// - Parameters:
  ///   - firstLevel: the finest level, 2 for P2
  ///   - sizes: rows and columns of each level's grid, and anchors per cell
  public init(firstLevel: Int, _ sizes: [(rows: Int, columns: Int, shapes: Int)]) {
    var first = 0
    levels = sizes.enumerated().map { number, size in
      defer { first += size.rows * size.columns * size.shapes }
      return AnchorGrid(
        level: firstLevel + number, rows: size.rows, columns: size.columns, shapes: size.shapes,
        first: first)
    }
  }

  /// The number of anchors of all levels.
  public var count: Int { levels.last.map { $0.indices.upperBound } ?? 0 }

  /// The grid that an anchor belongs to.
  ///
  /// - Precondition: there is an anchor of this index.
  public func grid(of index: Int) -> AnchorGrid {
    precondition((0..<count).contains(index), "there are \(count) anchors, none is number \(index)")
    // Levels without cells have no anchors: the last that begins at or before the index has it.
    return levels[levels.lastIndex { $0.first <= index && $0.count > 0 } ?? 0]
  }

  /// The place of an anchor.
  ///
  /// - Precondition: there is an anchor of this index.
  public func place(of index: Int) -> AnchorPlace { grid(of: index).place(of: index) }

  /// The index of an anchor; nil where there is none at this place.
  public func index(of place: AnchorPlace) -> Int? {
    guard let grid = levels.first(where: { $0.level == place.level }),
      (0..<grid.rows).contains(place.row), (0..<grid.columns).contains(place.column),
      (0..<grid.shapes).contains(place.shape)
    else { return nil }
    return grid.index(row: place.row, column: place.column, shape: place.shape)
  }
}

/// How many input pixels lie between the anchors of neighbouring cells: the padded input's size
/// over the grid's, whole pixels. Where P6 has 13 rows of an input of 800, that is 61, not 64.
public func anchorStride(
  of input: ImageSize, rows: Int, columns: Int
) -> (rows: Int, columns: Int) {
  (input.height / rows, input.width / columns)
}
