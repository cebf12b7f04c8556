import Foundation

/// The sizes of the anchors at a cell, level by level: the side of a square anchor in input pixels.
public struct AnchorSizes: Sendable, Equatable, Codable, ExpressibleByArrayLiteral {
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
}

/// The shapes of the anchors at a cell: height over width.
public struct AnchorAspectRatios: Sendable, Equatable, Codable, ExpressibleByArrayLiteral {
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
    levels.allSatisfy { $0.count == 1 } ? levels.flatMap(\.self) : nil
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
public enum NumberLists: Sendable, Equatable, Codable, CustomStringConvertible {
  /// `[32, 64]`
  case flat([Float])
  /// `[[32, 40], [64, 80]]`
  case nested([[Float]])

  /// Reads whichever of the two is stored.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let numbers = try? container.decode([Float].self) {
      self = .flat(numbers)
    } else {
      self = .nested(try container.decode([[Float]].self))
    }
  }

  /// Writes the bare lists.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .flat(let numbers): try container.encode(numbers)
    case .nested(let lists): try container.encode(lists)
    }
  }

  /// Every number.
  var all: [Float] {
    switch self {
    case .flat(let numbers): numbers
    case .nested(let lists): lists.flatMap(\.self)
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
