import Tensors

/// What a run of a stage can be told.
///
/// An option is declared once, in `declared`: from the declaration come its entry in `stage.json`
/// and the way back, the flag of the stage's command, its help and validation, and the command that
/// the page prints.
public protocol StageOptions: Sendable, Equatable {
  /// torchvision's choices: they hold where neither a weight file nor a command line says
  /// otherwise.
  static var torchvision: Self { get }
  /// Every option, in the order in which a command lists them.
  static var declared: [StageOption<Self>] { get }
}

/// The options of a stage that has none.
public struct NoOptions: StageOptions {
  /// None.
  public static var torchvision: NoOptions { NoOptions() }
  /// None.
  public static var declared: [StageOption<NoOptions>] { [] }
}

/// The declaration of one option of a stage.
public struct StageOption<Options> {
  /// The name in `stage.json`.
  public let name: String
  /// The key by which a weight file, or `--set`, gives the option; nil where none does.
  public let setting: String?
  /// The flags of the stage's command that set it.
  public let flags: [ListedFlag]
  /// What is recorded of the option.
  let record: (Options) -> [String: OptionValue]
  /// Sets the option to what is recorded; false where nothing is that it could be.
  let take: ([String: OptionValue], inout Options) -> Bool
  /// Sets the option to what a command line gives, if it gives it.
  let apply: (GivenFlags, inout Options) throws -> Void
  /// The flags that give the option its value.
  let words: (Options) -> [FlagWord]

  /// An option that takes several entries of the record, or several flags.
  ///
  /// - Parameters:
  ///   - name: the entry that stands for all of them
  ///   - setting: the key by which a weight file gives the option; nil where none does
  ///   - flags: the flags that set it
  ///   - record: what is recorded of it
  ///   - take: sets it to what is recorded; false where nothing is that it could be
  ///   - apply: sets it to what a command line gives, if it gives it; throws `Fault` where flags do
  ///     not fit each other
  ///   - words: the flags that give it its value
  public init(
    _ name: String, setting: String? = nil, flags: [ListedFlag] = [],
    record: @escaping (Options) -> [String: OptionValue],
    take: @escaping ([String: OptionValue], inout Options) -> Bool,
    apply: @escaping (GivenFlags, inout Options) throws -> Void = { _, _ in },
    words: @escaping (Options) -> [FlagWord] = { _ in [] }
  ) {
    (self.name, self.setting, self.flags) = (name, setting, flags)
    (self.record, self.take, self.apply, self.words) = (record, take, apply, words)
  }

  /// An option that a flag sets.
  public init<Value: OptionConvertible>(
    _ name: String, _ place: WritableKeyPath<Options, Value>, setting: String? = nil,
    flag: OptionFlag<Value>
  ) {
    let option = StageOption(name, place, where: flag.takes)
    self.init(
      name, setting: setting, flags: [flag.listed], record: option.record, take: option.take,
      apply: { given, options in
        if let value = try flag.value(in: given) { options[keyPath: place] = value }
      },
      words: { options in
        let value = options[keyPath: place]
        // A switch that is off is not given.
        return value.optionValue == .flag(false) ? [] : [FlagWord(flag, value)]
      })
  }

  /// An option that no flag sets.
  ///
  /// - Parameter isUsable: what must hold of a value that is read back
  public init<Value: OptionConvertible>(
    _ name: String, _ place: WritableKeyPath<Options, Value>, setting: String? = nil,
    where isUsable: @escaping (Value) -> Bool = { _ in true }
  ) {
    self.init(
      name, setting: setting, record: { [name: $0[keyPath: place].optionValue] },
      take: { recorded, options in
        guard let value = recorded[name].flatMap({ Value($0) }), isUsable(value) else {
          return false
        }
        options[keyPath: place] = value
        return true
      })
  }

  /// An option that no flag sets and that is recorded only where it is not the usual one, which its
  /// absence stands for.
  public init<Value: OptionConvertible>(
    _ name: String, _ place: WritableKeyPath<Options, Value>, unless usual: Value
  ) {
    self.init(name, unless: usual, place, StageOption(name, place))
  }

  /// An option that a flag sets and that is recorded only where it is not the usual one.
  public init<Value: OptionConvertible>(
    _ name: String, _ place: WritableKeyPath<Options, Value>, unless usual: Value,
    flag: OptionFlag<Value>
  ) {
    self.init(name, unless: usual, place, StageOption(name, place, flag: flag))
  }

  private init<Value: OptionConvertible>(
    _ name: String, unless usual: Value, _ place: WritableKeyPath<Options, Value>,
    _ option: StageOption
  ) {
    self.init(
      name, setting: option.setting, flags: option.flags,
      record: { $0[keyPath: place] == usual ? [:] : option.record($0) },
      take: { recorded, options in
        guard recorded[name] == nil else { return option.take(recorded, &options) }
        options[keyPath: place] = usual
        return true
      },
      apply: option.apply,
      words: { $0[keyPath: place] == usual ? [] : option.words($0) })
  }
}

extension StageOptions {
  /// The options as `stage.json` records them.
  public var recorded: [String: OptionValue] {
    Self.declared.reduce(into: [:]) { recorded, option in
      recorded.merge(option.record(self)) { _, own in own }
    }
  }

  /// Sets the options to those that an earlier run recorded.
  ///
  /// - Throws: `Fault` if the record lacks one of them, or holds in its place what it cannot be.
  public mutating func read(_ folder: StageFolder) throws {
    for option in Self.declared where !option.take(folder.record.options, &self) {
      throw Fault(
        folder.folder.path, "the trace does not record its \(option.name)",
        remedy: "Record it again: run the stage again")
    }
  }

  /// The options that an earlier run recorded.
  ///
  /// - Throws: `Fault` if the record lacks one of them, or holds in its place what it cannot be.
  public init(_ folder: StageFolder) throws {
    self = .torchvision
    try read(folder)
  }

  /// Sets the options that a command line gives.
  ///
  /// - Throws: `Fault` if a value is not one that its flag takes, or flags do not fit each other.
  public mutating func apply(_ given: GivenFlags) throws {
    for option in Self.declared { try option.apply(given, &self) }
  }

  /// The flags of the stage's command, with their help: the declared sentence, then the default.
  public static var flags: [ListedFlag] {
    declared.flatMap { option in
      let defaults = option.words(torchvision)
      return option.flags.map { flag in
        let usual = defaults.first { $0.flag == flag.name }?.word.map { word in
          option.setting == nil
            ? " Default: \(word)." : " Default: what the weight file says, or \(word)."
        }
        return ListedFlag(name: flag.name, help: flag.help + (usual ?? ""), isSwitch: flag.isSwitch)
      }
    }
  }

  /// The flags that run a stage's command with the options of a record, as far as they are
  /// recorded; nil where a run had an option that no command line and no weight file gives.
  public static func words(of recorded: [String: OptionValue]) -> [FlagWord]? {
    var words: [FlagWord] = []
    for option in declared {
      var options = Self.torchvision
      guard option.take(recorded, &options) else { continue }
      if option.flags.isEmpty, option.setting == nil,
        option.record(options) != option.record(.torchvision)
      {
        return nil
      }
      words += option.words(options)
    }
    return words
  }
}
