/// The sizes of the anchors at a cell, level by level: the side of a square anchor in input pixels.
public struct AnchorSizes: Sendable, Equatable, ExpressibleByArrayLiteral {
  /// One or several sizes for each level, the finest first.
  public var levels: [[Float]]

  /// Several sizes for each level, the finest first.
  public init(_ levels: [[Float]]) { self.levels = levels }

  /// One size for each level, the finest first.
  public init(arrayLiteral sizes: Float...) { levels = sizes.map { [$0] } }

  /// The powers of two by a level's number: 32 pixels for P2, 64 for P3.
  public static func standard(_ levels: ClosedRange<Int>) -> AnchorSizes {
    AnchorSizes(levels.map { [Float(1 << ($0 + 3))] })
  }

  /// The sizes of a network about which nothing says which it was trained with: torchvision's. A
  /// single level with 15 anchors per cell has all sizes that torchvision's levels have.
  public static func assumed(_ layout: Layout) -> AnchorSizes {
    layout.levels.count == 1 && layout.anchors == 15
      ? AnchorSizes([[32, 64, 128, 256, 512]]) : .standard(layout.levels)
  }
}

/// The shapes of the anchors at a cell: height over width.
public struct AnchorAspectRatios: Sendable, Equatable, ExpressibleByArrayLiteral {
  /// The ratios of each level, the finest first; a single list holds for every level.
  public var levels: [[Float]]

  /// The ratios of each level, the finest first.
  public init(_ levels: [[Float]]) { self.levels = levels }

  /// The same ratios for every level.
  public init(arrayLiteral ratios: Float...) { levels = [ratios] }

  /// The ratios of a level, counted from the finest.
  public subscript(place: Int) -> [Float] { levels.count == 1 ? levels[0] : levels[place] }
}

// Lists of numbers as settings have them: `[32, 64, 128]`, or `[[32, 40], [64, 80]]`.

extension AnchorSizes {
  /// The numbers one a level; nil where a level has several.
  public var flat: [Float]? {
    levels.allSatisfy { $0.count == 1 } ? levels.flatMap { $0 } : nil
  }

  /// The value of lists as settings have them: a number a level, or a list a level.
  public init(_ numbers: NumberLists) {
    switch numbers {
    case .flat(let sizes): levels = sizes.map { [$0] }
    case .nested(let sizes): levels = sizes
    }
  }

  /// The lists as settings have them.
  public var numbers: NumberLists { flat.map { .flat($0) } ?? .nested(levels) }
}

extension AnchorAspectRatios {
  /// The value of lists as settings have them: ratios for all levels, or a list a level.
  public init(_ numbers: NumberLists) {
    switch numbers {
    case .flat(let ratios): levels = [ratios]
    case .nested(let ratios): levels = ratios
    }
  }

  /// The lists as settings have them.
  public var numbers: NumberLists { levels.count == 1 ? .flat(levels[0]) : .nested(levels) }
}

/// Numbers in JSON: a list, or a list of lists.
public enum NumberLists: Sendable, Equatable, CustomStringConvertible {
  /// `[32, 64]`
  case flat([Float])
  /// `[[32, 40], [64, 80]]`
  case nested([[Float]])

  /// Every number.
  var all: [Float] {
    switch self {
    case .flat(let numbers): numbers
    case .nested(let lists): lists.flatMap { $0 }
    }
  }

  /// Whether there is a number in every list.
  var isComplete: Bool {
    switch self {
    case .flat(let numbers): !numbers.isEmpty
    case .nested(let lists): !lists.isEmpty && lists.allSatisfy { !$0.isEmpty }
    }
  }

  /// As `--set` takes them: `[[32,40],[64,80]]`.
  public var description: String {
    func text(_ numbers: [Float]) -> String {
      "[" + numbers.map { Int(exactly: $0).map { "\($0)" } ?? "\($0)" }.joined(separator: ",") + "]"
    }
    switch self {
    case .flat(let numbers): return text(numbers)
    case .nested(let lists): return "[" + lists.map(text).joined(separator: ",") + "]"
    }
  }
}
