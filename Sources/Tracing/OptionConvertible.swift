/// A value that `stage.json` records as an option, that is read back from there, and that a command
/// line gives as a word.
public protocol OptionConvertible: Equatable {
  /// The value as it is recorded.
  var optionValue: OptionValue { get }
  /// The value that was recorded; nil where something else was recorded.
  init?(_ optionValue: OptionValue)
  /// What a command line has to give: `a whole number`.
  static var kindInWords: String { get }
}

extension Bool: OptionConvertible {
  /// `true`, `false`
  public var optionValue: OptionValue { .flag(self) }

  /// `true or false`
  public static var kindInWords: String { "true or false" }

  /// A flag.
  public init?(_ optionValue: OptionValue) {
    guard case .flag(let value) = optionValue else { return nil }
    self = value
  }
}

extension Int: OptionConvertible {
  /// A whole number.
  public var optionValue: OptionValue { .integer(self) }

  /// `a whole number`
  public static var kindInWords: String { "a whole number" }

  /// A whole number from 0, below 2^32.
  public init?(_ optionValue: OptionValue) {
    guard let value = optionValue.count else { return nil }
    self = value
  }
}

extension Double: OptionConvertible {
  /// A number.
  public var optionValue: OptionValue { .number(self) }

  /// `a number`
  public static var kindInWords: String { "a number" }

  /// A number below 2^32 in magnitude.
  public init?(_ optionValue: OptionValue) {
    guard let value = optionValue.number else { return nil }
    self = value
  }
}

extension Float: OptionConvertible {
  /// A number.
  public var optionValue: OptionValue { .number(Double(self)) }

  /// `a number`
  public static var kindInWords: String { "a number" }

  /// A number below 2^32 in magnitude.
  public init?(_ optionValue: OptionValue) {
    guard let value = optionValue.number else { return nil }
    self.init(value)
  }
}

extension [Float]: OptionConvertible {
  /// Several numbers.
  public var optionValue: OptionValue { .numbers(map(Double.init)) }

  /// `numbers with commas between`
  public static var kindInWords: String { "numbers with commas between" }

  /// Several numbers, each below 2^32 in magnitude.
  public init?(_ optionValue: OptionValue) {
    guard let values = optionValue.numbers else { return nil }
    self = values
  }
}

extension OptionConvertible where Self: RawRepresentable & CaseIterable, RawValue == String {
  /// A word.
  public var optionValue: OptionValue { .text(rawValue) }

  /// `one of align, pool, warp`
  public static var kindInWords: String {
    "one of \(allCases.map(\.rawValue).joined(separator: ", "))"
  }

  /// The case of this name.
  public init?(_ optionValue: OptionValue) {
    guard case .text(let word) = optionValue else { return nil }
    self.init(rawValue: word)
  }
}
