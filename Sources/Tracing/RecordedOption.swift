/// A value that `stage.json` records as an option, and that is read back from there.
public protocol OptionConvertible {
  /// The value as it is recorded.
  var optionValue: OptionValue { get }
  /// The value that was recorded; nil where something else stands there.
  init?(_ optionValue: OptionValue)
}

/// One option of a stage, written and read back by one definition, so that the two cannot part.
public struct RecordedOption<Holder> {
  /// The name in `stage.json`.
  public let name: String
  /// What is recorded of a stage.
  let record: (Holder) -> [String: OptionValue]
  /// Sets a stage's option to what is recorded; false where nothing is that it could be.
  let take: ([String: OptionValue], inout Holder) -> Bool

  /// An option that takes several entries, of which `name` is one.
  ///
  /// - Parameters:
  ///   - record: what is recorded of a stage
  ///   - take: sets a stage's option to what is recorded; false where nothing is that it could be
  public init(
    _ name: String, record: @escaping (Holder) -> [String: OptionValue],
    take: @escaping ([String: OptionValue], inout Holder) -> Bool
  ) {
    self.name = name
    self.record = record
    self.take = take
  }

  /// An option that is always recorded.
  ///
  /// - Parameter isUsable: what must hold of a value that is read back
  public init<Value: OptionConvertible>(
    _ name: String, _ place: WritableKeyPath<Holder, Value>,
    where isUsable: @escaping (Value) -> Bool = { _ in true }
  ) {
    self.init(name, record: { [name: $0[keyPath: place].optionValue] }) { options, holder in
      guard let value = options[name].flatMap({ Value($0) }), isUsable(value) else { return false }
      holder[keyPath: place] = value
      return true
    }
  }

  /// An option that is recorded only where it is not the usual one, which its absence stands for.
  public init<Value: OptionConvertible & Equatable>(
    _ name: String, _ place: WritableKeyPath<Holder, Value>, unless usual: Value
  ) {
    let option = RecordedOption(name, place)
    self.init(name, record: { $0[keyPath: place] == usual ? [:] : option.record($0) }) {
      guard $0[name] == nil else { return option.take($0, &$1) }
      $1[keyPath: place] = usual
      return true
    }
  }
}

extension Bool: OptionConvertible {
  /// `true`, `false`
  public var optionValue: OptionValue { .flag(self) }

  /// A flag.
  public init?(_ optionValue: OptionValue) {
    guard case .flag(let value) = optionValue else { return nil }
    self = value
  }
}

extension Int: OptionConvertible {
  /// A whole number.
  public var optionValue: OptionValue { .integer(self) }

  /// A whole number from 0, below 2^32.
  public init?(_ optionValue: OptionValue) {
    guard let value = optionValue.count else { return nil }
    self = value
  }
}

extension Double: OptionConvertible {
  /// A number.
  public var optionValue: OptionValue { .number(self) }

  /// A number below 2^32 in magnitude.
  public init?(_ optionValue: OptionValue) {
    guard let value = optionValue.number else { return nil }
    self = value
  }
}

extension Float: OptionConvertible {
  /// A number.
  public var optionValue: OptionValue { .number(Double(self)) }

  /// A number below 2^32 in magnitude.
  public init?(_ optionValue: OptionValue) {
    guard let value = optionValue.number else { return nil }
    self.init(value)
  }
}

extension [Float]: OptionConvertible {
  /// Several numbers.
  public var optionValue: OptionValue { .numbers(map(Double.init)) }

  /// Several numbers, each below 2^32 in magnitude.
  public init?(_ optionValue: OptionValue) {
    guard let values = optionValue.numbers else { return nil }
    self = values
  }
}

extension OptionConvertible where Self: RawRepresentable, RawValue == String {
  /// A word.
  public var optionValue: OptionValue { .text(rawValue) }

  /// The case of this name.
  public init?(_ optionValue: OptionValue) {
    guard case .text(let word) = optionValue else { return nil }
    self.init(rawValue: word)
  }
}
