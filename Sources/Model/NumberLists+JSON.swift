// Lists of numbers in JSON, as a weight file's metadata has them.

extension NumberLists: Codable {
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
}
