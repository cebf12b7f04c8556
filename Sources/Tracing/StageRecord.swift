/// What `stage.json` records of one stage's folder: every tensor, figure and file in it.
public struct StageRecord: Codable, Sendable, Equatable {
  /// The version of this format.
  public static let currentFormat = 2

  /// The version of the format that the record was written in.
  public var format: Int
  /// The folder's name, `4-roi`.
  public var stage: String
  /// One sentence: what the stage computed.
  public var title: String
  /// The options in force, by name.
  public var options: [String: OptionValue]
  /// The stages that were read, and the checksum of the `stage.json` that each had then.
  public var reads: [String: String]
  /// The tensors, in the order in which they were written.
  public var tensors: [TensorRecord]
  /// The figures, in the order in which they are to be looked at.
  public var figures: [FigureRecord]
  /// Tables and other files.
  public var files: [FileRecord]
}

/// One tensor of a stage's folder.
public struct TensorRecord: Codable, Sendable, Equatable {
  /// `objectness.P2`
  public var name: String
  /// The file inside the stage's folder, `tensors/objectness.P2.npy`; absent where `--tensors none`
  /// kept no tensors.
  public var file: String?
  /// NumPy's name of the element type: `float32`, `float16`, `int64`, …
  public var dtype: String
  /// The extent of each axis.
  public var shape: [Int]
  /// What each axis counts: `["N", "C", "H", "W"]`.
  public var axes: [String]
  /// The unit of the values: `logit`, `pixel`, `probability`, …
  public var units: String
  /// What the tensor holds, in a few words.
  public var note: String
  /// What the elements are; a quantity where it is absent.
  public var kind: TensorKind?
  /// Of a matrix whose columns hold different things: the columns that are categories, by the names
  /// in the last of `axes`. Each of the others is a quantity with a range of its own.
  public var categoryColumns: [String]?
  /// The least finite element.
  public var minimum: Float
  /// The greatest finite element.
  public var maximum: Float
  /// The mean of the finite elements.
  public var mean: Float
  /// How many elements are NaN or infinite; absent where none is.
  public var nonFinite: Int?
  /// CRC-32 of the file's bytes.
  public var crc32: String?
  /// Where the file holds only some of the elements: which ones. Goldens of large networks do.
  public var samples: Samples?

  /// The elements that a sampled tensor's file holds.
  public struct Samples: Codable, Sendable, Equatable {
    /// An `.npy` file of integers: row-major positions in the whole tensor.
    public var indices: String
    /// CRC-32 of that file's bytes.
    public var crc32: String
  }
}

/// What the elements of a tensor are, and with that how two tensors are compared.
public enum TensorKind: String, Codable, Sendable {
  /// Numbers whose difference means something: compared by the greatest difference as a part of the
  /// range.
  case quantity
  /// Labels, classes, indices and flags, which only name something: compared by the share of the
  /// elements that differ.
  case category
}

/// One figure of a stage's folder.
public struct FigureRecord: Codable, Sendable, Equatable {
  /// The file inside the stage's folder, `figures/objectness.png`.
  public var file: String
  /// What the figure shows.
  public var caption: String
  /// What to look at in it.
  public var lookFor: String
  /// The source file of the code that drew it, `Stage2Anchors/RPNHead+Figures.swift`.
  public var source: String
  /// CRC-32 of the file's bytes.
  public var crc32: String
}

/// One table or other file of a stage's folder.
public struct FileRecord: Codable, Sendable, Equatable {
  /// The file inside the stage's folder, `ledger.csv`.
  public var file: String
  /// What is in it.
  public var caption: String
  /// CRC-32 of the file's bytes.
  public var crc32: String
}

/// The value of one option in `stage.json`.
public enum OptionValue: Codable, Sendable, Equatable, CustomStringConvertible {
  /// `true`, `false`
  case flag(Bool)
  /// A whole number.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// A word.
  case text(String)
  /// Several numbers.
  case numbers([Double])
  /// Several words.
  case texts([String])
  /// Several lists of numbers.
  case lists([[Double]])

  /// Reads whichever of the kinds is stored.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let value = try? container.decode(Bool.self) {
      self = .flag(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode([Double].self) {
      self = .numbers(value)
    } else if let value = try? container.decode([String].self) {
      self = .texts(value)
    } else if let value = try? container.decode([[Double]].self) {
      self = .lists(value)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  /// Writes the bare value.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .flag(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .numbers(let values): try container.encode(values)
    case .texts(let values): try container.encode(values)
    case .lists(let values): try container.encode(values)
    }
  }

  /// The value as text.
  public var description: String {
    switch self {
    case .flag(let value): String(value)
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .text(let value): value
    case .numbers(let values): values.map { String($0) }.joined(separator: ", ")
    case .texts(let values): values.joined(separator: ", ")
    case .lists(let values):
      values.map { $0.map { String($0) }.joined(separator: ", ") }.joined(separator: "; ")
    }
  }
}

extension OptionValue {
  /// The value that a word of a command line means: a whole number, a number, or the word itself.
  public init(commandLine word: String) {
    self =
      if word == "true" || word == "false" {
        .flag(word == "true")
      } else if let value = Int(word) {
        .integer(value)
      } else if let value = Double(word) {
        .number(value)
      } else {
        .text(word)
      }
  }

  /// The value as a command line takes it and a reader likes it: numbers that were 32-bit floats
  /// without the digits that they only have as 64-bit ones.
  public var commandLineText: String {
    switch self {
    case .number(let value): shortest(value)
    case .numbers(let values): values.map(shortest).joined(separator: ", ")
    case .lists(let values):
      values.map { $0.map(shortest).joined(separator: ", ") }.joined(separator: "; ")
    default: description
    }
  }
}

/// The shortest text that gives the same 32-bit float; a whole number without its point.
private func shortest(_ value: Double) -> String {
  let text = String(Float(value))
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

// What a record says may have been written by anybody: numbers are given only in a range in which
// they can be worked with.
extension OptionValue {
  /// A number, whole or not, below 2^32 in magnitude; nil for anything else.
  public var number: Double? {
    switch self {
    case .integer(let value) where value.magnitude < 1 << 32: Double(value)
    case .number(let value) where value.magnitude < 0x1p32: value
    default: nil
    }
  }

  /// A whole number from 0, below 2^32; nil for anything else.
  public var count: Int? {
    if case .integer(let value) = self, value >= 0, value < 1 << 32 { value } else { nil }
  }

  /// Several numbers, each below 2^32 in magnitude; nil for anything else.
  public var numbers: [Float]? {
    guard case .numbers(let values) = self, values.allSatisfy({ $0.magnitude < 0x1p32 }) else {
      return nil
    }
    return values.map { Float($0) }
  }

  /// Several lists of numbers, each number below 2^32 in magnitude; nil for anything else.
  public var lists: [[Float]]? {
    guard case .lists(let lists) = self,
      lists.allSatisfy({ $0.allSatisfy { $0.magnitude < 0x1p32 } })
    else { return nil }
    return lists.map { $0.map { Float($0) } }
  }

  /// Several words; nil for anything else.
  public var texts: [String]? {
    if case .texts(let values) = self { values } else { nil }
  }
}
