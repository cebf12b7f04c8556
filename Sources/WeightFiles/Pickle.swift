import Tensors

/// What a pickle holds: plain values, references to tensors, and opaque values.
///
/// Python's own reader calls whatever function a pickle names, so reading a pickle runs code that
/// the file brings along. This one builds values only: a name it does not know stands for an opaque
/// value, of which nothing but the name is kept, and there is nothing in it that could call one. A
/// name by which files are known to do harm is an error.
struct Pickle {
  /// A value. Containers are indices into the arrays below, so that a pickle can neither build a
  /// chain of objects that is too deep to release nor a circle.
  enum Value: Equatable {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer of more than 64 bits, little-endian, two's complement.
    case longInteger([UInt8])
    case float(Double)
    case text(String)
    case bytes
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case global(Global)
    /// An object of a class that is not known, or what a function that is not known would return:
    /// the place of its name in `opaqueNames`.
    case opaque(Int)
    case storage(Int)
    case tensor(Int)
  }

  /// The names that a pickle may refer to.
  enum Global: Equatable {
    case orderedDict
    case size
    case rebuildTensor
    case rebuildParameter
    case storageType(ElementType)
    /// The place of its name in `opaqueNames`.
    case unknown(Int)
  }

  /// Elements of one type that are stored elsewhere in the file.
  struct Storage {
    let type: ElementType
    let key: String
    let count: Int
  }

  /// A view of a storage.
  struct TensorReference {
    let storage: Int
    let offset: Int
    let shape: Shape
    let strides: [Int]
  }

  /// What the pickle as a whole stands for.
  var root: Value = .none
  /// Elements of the tuples and lists.
  var sequences: [[Value]] = []
  /// Keys and values of the dictionaries, in order.
  var dictionaries: [[(key: Value, value: Value)]] = []
  /// The storages referred to.
  var storages: [Storage] = []
  /// The tensors.
  var tensors: [TensorReference] = []
  /// The names that are not known, `argparse.Namespace`.
  var opaqueNames: [String] = []

  /// The elements of a tuple or list.
  func elements(_ value: Value) -> [Value]? {
    switch value {
    case .tuple(let index), .list(let index): sequences[index]
    default: nil
    }
  }

  /// The values of a dictionary's text keys; a later one wins.
  func fields(_ value: Value) -> [String: Value]? {
    guard case .dictionary(let index) = value else { return nil }
    var fields: [String: Value] = [:]
    for case (.text(let key), let value) in dictionaries[index] { fields[key] = value }
    return fields
  }

  /// Reads one pickle and leaves the reader behind it.
  static func read(_ reader: inout ByteReader) throws -> Pickle {
    var machine = PickleMachine(name: reader.name)
    while try machine.step(&reader) {}
    return machine.pickle
  }
}

extension Pickle.Global {
  /// Recognises a name; nil if it is not known.
  ///
  /// - Throws: `Fault` if it is known to run code
  init?(module: String, member: String, file: String) throws {
    switch (module, member) {
    case ("collections", "OrderedDict"): self = .orderedDict
    case ("torch", "Size"): self = .size
    case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", "FloatStorage"): self = .storageType(.float32)
    case ("torch", "HalfStorage"): self = .storageType(.float16)
    case ("torch", "BFloat16Storage"): self = .storageType(.bfloat16)
    case ("torch", "DoubleStorage"): self = .storageType(.float64)
    case ("torch", "LongStorage"): self = .storageType(.int64)
    case ("torch", "IntStorage"): self = .storageType(.int32)
    case ("torch", "ShortStorage"): self = .storageType(.int16)
    case ("torch", "CharStorage"): self = .storageType(.int8)
    case ("torch", "ByteStorage"): self = .storageType(.uint8)
    case ("torch", "BoolStorage"): self = .storageType(.bool)
    default:
      let package = module.split(separator: ".").first.map(String.init) ?? module
      guard !Self.dangerous.contains(package) || Self.isPlainType(package, member) else {
        throw Fault(
          file,
          "the file wants to run code, \("\(module).\(member)".quoted), which was not done",
          remedy: "Do not open it with other programs, and get the weights from a source you trust"
        )
      }
      return nil
    }
  }

  /// Python's own types, which checkpoints hold beside the model: `collections.defaultdict(int)`.
  private static func isPlainType(_ package: String, _ member: String) -> Bool {
    ["builtins", "__builtin__"].contains(package)
      && [
        "int", "float", "bool", "complex", "str", "bytes", "bytearray", "list", "tuple", "dict",
        "set", "frozenset", "slice", "range", "object",
      ].contains(member)
  }

  /// Modules of which no weight file needs anything that runs.
  private static let dangerous: Set<String> = [
    "os", "posix", "nt", "subprocess", "sys", "builtins", "__builtin__", "shutil", "socket", "pty",
    "runpy", "importlib", "commands", "webbrowser", "code", "ctypes", "pickle", "operator",
    "timeit",
    "bdb", "pdb", "functools", "asyncio", "multiprocessing", "urllib", "http", "pip",
  ]
}
