import Tensors

/// The stack machine that a pickle is a program for, with the instructions that build values.
/// Python's `pickletools` describes each.
struct PickleMachine {
  /// What has been built.
  private(set) var pickle = Pickle()
  private var stack: [Pickle.Value] = []
  private var marks: [Int] = []
  private var memo: [Int: Pickle.Value] = [:]
  /// How many values calls have copied out of others.
  private var copied = 0
  private let name: String

  /// Makes an empty machine; `name` is what an error calls the file.
  init(name: String) {
    self.name = name
  }

  /// Runs the next instruction; false after the last.
  mutating func step(_ reader: inout ByteReader) throws -> Bool {
    let code = try reader.byte()
    switch Unicode.Scalar(code) {
    case "\u{80}":
      let version = try reader.byte()
      guard version <= 5 else {
        throw fault("the pickle has protocol \(version), known are 0 to 5")
      }
    case "\u{95}": _ = try reader.size(UInt64.self)  // the length of a frame
    case ".":
      pickle.root = try pop()
      return false
    case "(": marks.append(stack.count)
    case "0": _ = try pop()
    case "1": _ = try popMark()
    case "2": stack.append(try top())
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.bool(true))
    case "\u{89}": stack.append(.bool(false))
    case "K": stack.append(.integer(Int(try reader.byte())))
    case "M": stack.append(.integer(Int(try reader.integer(UInt16.self))))
    case "J": stack.append(.integer(Int(try reader.integer(Int32.self))))
    case "\u{8a}": stack.append(try long(&reader, count: Int(try reader.byte())))
    case "\u{8b}": stack.append(try long(&reader, count: try reader.size(Int32.self)))
    case "G":
      let bits = UInt64(bigEndian: try reader.integer(UInt64.self))
      stack.append(.float(Double(bitPattern: bits)))
    case "X": stack.append(.text(try reader.text(try reader.size(UInt32.self))))
    case "\u{8c}": stack.append(.text(try reader.text(Int(try reader.byte()))))
    case "\u{8d}": stack.append(.text(try reader.text(try reader.size(UInt64.self))))
    case "U": stack.append(.text(try reader.text(Int(try reader.byte()))))
    case "T": stack.append(.text(try reader.text(try reader.size(Int32.self))))
    case "C":
      _ = try reader.take(Int(try reader.byte()))
      stack.append(.bytes)
    case "V": stack.append(.text(try reader.line()))
    case "S": stack.append(.text(String(try reader.line().dropFirst().dropLast())))
    case "B":
      _ = try reader.take(try reader.size(UInt32.self))
      stack.append(.bytes)
    case ")": stack.append(tuple([]))
    case "t": stack.append(tuple(try popMark()))
    case "\u{85}": try buildTuple(1)
    case "\u{86}": try buildTuple(2)
    case "\u{87}": try buildTuple(3)
    case "]": stack.append(list([]))
    case "l": stack.append(list(try popMark()))
    case "}": stack.append(dictionary())
    case "d":
      let items = try popMark()
      stack.append(dictionary())
      try setItems(items)
    case "a": try append([try pop()])
    case "e": try append(try popMark())
    case "s":
      let value = try pop()
      try setItems([try pop(), value])
    case "u": try setItems(try popMark())
    case "q": memo[Int(try reader.byte())] = try top()
    case "r": memo[try reader.size(UInt32.self)] = try top()
    case "\u{94}": memo[memo.count] = try top()
    case "p": memo[try decimal(&reader)] = try top()
    case "g": try recall(try decimal(&reader))
    case "h": try recall(Int(try reader.byte()))
    case "j": try recall(try reader.size(UInt32.self))
    case "c": try refer(module: try reader.line(), member: try reader.line())
    case "i":
      // Protocol 0 makes an object with this one.
      try refer(module: try reader.line(), member: try reader.line())
      guard case .opaque(let made) = object(try pop()) else {
        throw fault("the file calls a function in a way that torch.save never does")
      }
      _ = try popMark()
      stack.append(.opaque(made))
    case "\u{93}":
      guard case .text(let member) = try pop(), case .text(let module) = try pop() else {
        throw fault("a name in the pickle is not text")
      }
      try refer(module: module, member: member)
    case "Q": stack.append(try storage(try pop()))
    case "R":
      let arguments = pickle.elements(try pop())
      let function = try pop()
      if case .opaque = object(function) {
        stack.append(object(function))
        break
      }
      guard case .global(let function) = function, let arguments else {
        throw fault("the file calls something that is no function")
      }
      stack.append(try call(function, arguments))
      // A file can name one long sequence in any number of calls; an honest one writes each again.
      guard copied <= reader.data.count else {
        throw fault("the pickle unpacks to far more values than it has bytes")
      }
    case "\u{81}", "\u{92}":
      // An object of a class, made of arguments, with 0x92 of arguments by name too.
      _ = try pop()
      if code == 0x92 { _ = try pop() }
      guard case .opaque(let made) = object(try pop()) else {
        throw fault("the file makes an object of something that is no class")
      }
      stack.append(.opaque(made))
    case "\u{8f}": stack.append(list([]))  // a set, of which nothing but its elements matters
    case "\u{90}": try append(try popMark())
    case "\u{91}": stack.append(list(try popMark()))
    case "b":
      // An OrderedDict's attributes: torch keeps version numbers there that play no part here.
      _ = try pop()
      switch try top() {
      case .dictionary, .opaque: break
      default: throw fault("the file sets attributes of something that is no dictionary")
      }
    default:
      throw fault(
        "the pickle holds the instruction 0x\(String(code, radix: 16)), which no weight file needs")
    }
    return true
  }

  // MARK: Stack

  private func fault(_ problem: String) -> Fault {
    Fault(name, problem, remedy: "Save the weights alone, torch.save(model.state_dict(), path)")
  }

  private mutating func pop() throws -> Pickle.Value {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw fault("the pickle is damaged: it takes a value that is not there")
    }
    return value
  }

  private func top() throws -> Pickle.Value {
    guard stack.count > (marks.last ?? 0), let value = stack.last else {
      throw fault("the pickle is damaged: it takes a value that is not there")
    }
    return value
  }

  private mutating func popMark() throws -> [Pickle.Value] {
    guard let mark = marks.popLast(), mark <= stack.count else {
      throw fault("the pickle is damaged: it takes a mark that is not there")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func recall(_ key: Int) throws {
    guard let value = memo[key] else {
      throw fault("the pickle is damaged: it recalls a value that it never stored")
    }
    stack.append(value)
  }

  // MARK: Values

  private mutating func tuple(_ elements: [Pickle.Value]) -> Pickle.Value {
    pickle.sequences.append(elements)
    return .tuple(pickle.sequences.count - 1)
  }

  private mutating func buildTuple(_ count: Int) throws {
    var elements: [Pickle.Value] = []
    for _ in 0..<count { elements.append(try pop()) }
    stack.append(tuple(elements.reversed()))
  }

  private mutating func list(_ elements: [Pickle.Value]) -> Pickle.Value {
    pickle.sequences.append(elements)
    return .list(pickle.sequences.count - 1)
  }

  private mutating func dictionary() -> Pickle.Value {
    pickle.dictionaries.append([])
    return .dictionary(pickle.dictionaries.count - 1)
  }

  private mutating func append(_ elements: [Pickle.Value]) throws {
    if case .opaque = try top() { return }
    guard case .list(let index) = try top() else {
      throw fault("the pickle is damaged: it appends to something that is no list")
    }
    pickle.sequences[index] += elements
  }

  private mutating func setItems(_ items: [Pickle.Value]) throws {
    if case .opaque = try top() { return }
    guard case .dictionary(let index) = try top(), items.count % 2 == 0 else {
      throw fault("the pickle is damaged: it sets items of something that is no dictionary")
    }
    for place in stride(from: 0, to: items.count, by: 2) {
      pickle.dictionaries[index].append((items[place], items[place + 1]))
    }
  }

  private func long(_ reader: inout ByteReader, count: Int) throws -> Pickle.Value {
    let bytes = Array(reader.data[try reader.take(count)])
    guard count <= 8 else { return .longInteger(bytes) }
    let isNegative = (bytes.last ?? 0) & 0x80 != 0
    var value: UInt64 = isNegative ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .integer(Int(truncatingIfNeeded: value))
  }

  /// A number as protocol 0 writes it, a line of digits.
  private func decimal(_ reader: inout ByteReader) throws -> Int {
    guard let value = Int(try reader.line()) else {
      throw fault("the pickle is damaged: a number in it is none")
    }
    return value
  }

  private mutating func refer(module: String, member: String) throws {
    if let known = try Pickle.Global(module: module, member: member, file: name) {
      stack.append(.global(known))
      return
    }
    pickle.opaqueNames.append("\(module).\(member)")
    stack.append(.global(.unknown(pickle.opaqueNames.count - 1)))
  }

  /// What a class or function that is not known, or an opaque object, makes when it is called;
  /// any other value as it is.
  private func object(_ value: Pickle.Value) -> Pickle.Value {
    if case .global(.unknown(let name)) = value { .opaque(name) } else { value }
  }

  // MARK: Tensors

  /// `('storage', type, key, device, count)`; older files have a sixth part that must be None.
  private mutating func storage(_ identifier: Pickle.Value) throws -> Pickle.Value {
    guard let parts = pickle.elements(identifier), parts.count == 5 || parts.count == 6,
      parts[0] == .text("storage")
    else { throw fault("the file refers to something that is no storage of numbers") }
    // Elements of a type that is not known.
    if case .opaque(let type) = object(parts[1]) { return .opaque(type) }
    guard case .global(.storageType(let type)) = parts[1],
      case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else { throw fault("the file refers to something that is no storage of numbers") }
    guard parts.count == 5 || parts[5] == .none else {
      throw fault("a storage is a view of another, as PyTorch before 0.4 wrote them")
    }
    pickle.storages.append(Pickle.Storage(type: type, key: key, count: count))
    return .storage(pickle.storages.count - 1)
  }

  private mutating func call(
    _ function: Pickle.Global, _ arguments: [Pickle.Value]
  ) throws -> Pickle.Value {
    switch function {
    case .orderedDict:
      let made = dictionary()
      guard case .dictionary(let index) = made, let given = arguments.first else { return made }
      if case .opaque = given { return given }
      let pairs = pickle.elements(given) ?? []
      copied += pairs.count
      for pair in pairs {
        guard let parts = pickle.elements(pair), parts.count == 2 else {
          throw fault("an OrderedDict is not made of pairs")
        }
        pickle.dictionaries[index].append((parts[0], parts[1]))
      }
      return made
    case .size:
      let extents = arguments.first.flatMap(pickle.elements) ?? []
      copied += extents.count
      return tuple(extents)
    case .rebuildParameter:
      if case .opaque(let name)? = arguments.first { return .opaque(name) }
      guard let tensor = arguments.first, case .tensor = tensor else {
        throw fault("a parameter in the file is no tensor")
      }
      return tensor
    case .rebuildTensor:
      if case .opaque(let name)? = arguments.first { return .opaque(name) }
      return try tensor(arguments)
    case .unknown(let name): return .opaque(name)
    case .storageType:
      throw fault("the file makes a storage in a way that torch.save never does")
    }
  }

  /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)`
  private mutating func tensor(_ arguments: [Pickle.Value]) throws -> Pickle.Value {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      case .integer(let offset) = arguments[1], offset >= 0,
      let extents = integers(arguments[2]), let shape = Shape(checking: extents),
      let strides = integers(arguments[3]), strides.count == extents.count,
      strides.allSatisfy({ $0 >= 0 })
    else { throw fault("a tensor in the file has an impossible shape") }
    pickle.tensors.append(
      Pickle.TensorReference(storage: storage, offset: offset, shape: shape, strides: strides))
    return .tensor(pickle.tensors.count - 1)
  }

  private func integers(_ value: Pickle.Value) -> [Int]? {
    // A file can name one long tuple as the shape of any number of tensors.
    guard let elements = pickle.elements(value), elements.count <= Shape.greatestRank else {
      return nil
    }
    var integers: [Int] = []
    for case .integer(let integer) in elements { integers.append(integer) }
    return integers.count == elements.count ? integers : nil
  }
}
