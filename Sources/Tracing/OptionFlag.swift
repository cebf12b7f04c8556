import Tensors

/// The flags that a command line gave, by name, each with the word behind it.
public struct GivenFlags: Sendable, Equatable {
  /// The words by the flags' names, without the dashes; `true` for a switch.
  public var words: [String: String]

  /// Makes the flags of a command line.
  public init(_ words: [String: String] = [:]) { self.words = words }
}

/// A flag of the command line that sets a stage's option, or a part of one.
public struct OptionFlag<Value: OptionConvertible> {
  /// The name, without the dashes: `pre-nms-top-n`.
  public let name: String
  private let help: String
  private let allowed: String
  private let isAllowed: (Value) -> Bool

  /// A flag.
  ///
  /// - Parameters:
  ///   - help: a sentence, with the unit, without the default
  ///   - allowed: the values that it takes, as text
  ///   - isAllowed: whether it takes a value
  public init(
    _ name: String, help: String, allowed: String = Value.kindInWords,
    where isAllowed: @escaping (Value) -> Bool = { _ in true }
  ) {
    (self.name, self.help, self.allowed, self.isAllowed) = (name, help, allowed, isAllowed)
  }

  /// A flag that takes numbers of a range.
  public init(_ name: String, in range: ClosedRange<Value>, help: String) where Value: Comparable {
    let ends = [range.lowerBound, range.upperBound].map(\.optionValue.commandLineText)
    self.init(
      name, help: help, allowed: "\(Value.kindInWords) from \(ends[0]) to \(ends[1])",
      where: range.contains)
  }

  /// What a command lists of it.
  public var listed: ListedFlag {
    ListedFlag(name: name, help: help, isSwitch: Value.self == Bool.self)
  }

  /// Whether it takes a value.
  func takes(_ value: Value) -> Bool { isAllowed(value) }

  /// The value that a command line gave; nil where it did not give the flag.
  ///
  /// - Throws: `Fault` if it gave what the flag does not take.
  public func value(in given: GivenFlags) throws -> Value? {
    guard let word = given.words[name] else { return nil }
    guard let value = Value(OptionValue(commandLine: word)), isAllowed(value) else {
      throw Fault("--\(name)", "it cannot be \(word)", remedy: "Give \(allowed)")
    }
    return value
  }
}

/// A flag as a command lists it.
public struct ListedFlag: Sendable {
  /// The name, without the dashes.
  public let name: String
  /// A sentence, with the unit, without the default.
  public let help: String
  /// Whether no word follows it.
  public let isSwitch: Bool
}

/// A flag with the word that follows it, as a command line has it.
public struct FlagWord: Sendable, Equatable {
  /// The flag's name, without the dashes.
  public let flag: String
  /// The word; nil behind a switch.
  public let word: String?

  /// A flag with the value that follows it.
  public init(_ flag: OptionFlag<some OptionConvertible>, _ value: some OptionConvertible) {
    self.flag = flag.name
    word = flag.listed.isSwitch ? nil : value.optionValue.commandLineText
  }
}
