import ArgumentParser
import Tensors
import Tracing

/// The flags that set a stage's options, one for each that the options declare.
///
/// ArgumentParser finds the flags of a type by reflection and decodes each by its label. A type
/// that reflects, and decodes, an `Option` or a `Flag` per declaration so has them all without a
/// property for each.
struct StageFlags<Options: StageOptions>: ParsableArguments, CustomReflectable {
  private var options: [String: Option<String?>] = [:]
  private var switches: [String: Flag<Bool>] = [:]

  /// The flags as they are declared, without values.
  init() {
    for flag in Options.flags {
      let (name, help) = (
        NameSpecification.customLong(flag.name), ArgumentHelp(stringLiteral: flag.help)
      )
      if flag.isSwitch {
        switches[flag.name] = Flag(wrappedValue: false, name: name, help: help)
      } else {
        options[flag.name] = Option(name: name, parsing: .unconditional, help: help)
      }
    }
  }

  /// The flags that a command line gave.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: FlagName.self)
    for flag in Options.flags {
      let name = FlagName(stringValue: flag.name)
      if flag.isSwitch {
        switches[flag.name] = try container.decode(Flag<Bool>.self, forKey: name)
      } else {
        options[flag.name] = try container.decode(Option<String?>.self, forKey: name)
      }
    }
  }

  var customMirror: Mirror {
    Mirror(
      self,
      children: Options.flags.compactMap { flag -> Mirror.Child? in
        let wrapper: Any? = flag.isSwitch ? switches[flag.name] : options[flag.name]
        return wrapper.map { (label: flag.name, value: $0) }
      })
  }

  /// What the command line gave.
  var given: GivenFlags {
    let words = options.compactMapValues(\.wrappedValue)
    return GivenFlags(
      words.merging(switches.filter { $0.value.wrappedValue }.mapValues { _ in "true" }) { $1 })
  }

  func validate() throws {
    // What fits torchvision's options fits those of any model.
    var options = Options.torchvision
    do {
      try options.apply(given)
    } catch {
      throw ValidationError("\(error)")
    }
  }
}

/// The name of a flag as a key.
private struct FlagName: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
