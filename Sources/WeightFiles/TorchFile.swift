import Foundation
import Tensors

/// The two formats of `torch.save`: a zip archive (PyTorch 1.6 and later), and before that a row of
/// pickles followed by the bare storages.
enum TorchFile {
  /// The contents of a file.
  struct Contents {
    var tensors: [String: Tensor] = [:]
    var types: [String: ElementType] = [:]
  }

  /// Where the storages lie, by key: a range of bytes of the file.
  private typealias Places = [String: Range<Int>]

  private static let magic: [UInt8] = [
    0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
  ]

  /// Whether bytes begin like a pickle, and so may be of the older format.
  static func recognizesPickle(_ data: Data) -> Bool {
    let start = [UInt8](data.prefix(64))
    if start.count >= 2, start[0] == 0x80, start[1] <= 5 { return true }
    // Protocol 0 has no header: "cos\nsystem\n".
    guard start.first == UInt8(ascii: "c") else { return false }
    return start.split(separator: 0x0a, omittingEmptySubsequences: false).count >= 3
  }

  // MARK: Zip

  /// Reads a zip archive of `torch.save`.
  static func decodeZip(_ data: Data, name: String) throws -> Contents {
    let archive = try ZipArchive(data, name: name)
    if let fault = OtherFormats.fault(entries: archive.entries.keys, name: name) { throw fault }
    let pickles = archive.entries.keys.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
    guard let path = pickles.min(by: { $0.count < $1.count }), let entry = archive.entries[path]
    else {
      throw Fault(
        name, "this zip file holds no data.pkl, so torch.save did not write it",
        remedy: "Give a .safetensors or .pth file")
    }
    let folder = path.dropLast("data.pkl".count)
    if let order = archive.entries[folder + "byteorder"] {
      let text = String(decoding: data[try archive.contents(of: order)], as: UTF8.self)
      guard text == "little" else { throw bigEndian(name) }
    }
    var reader = ByteReader(data, try archive.contents(of: entry), name: name)
    let pickle = try Pickle.read(&reader)
    var places: Places = [:]
    return try contents(of: pickle, in: data, name: name) { storage in
      if let place = places[storage.key] { return place }
      guard let entry = archive.entries["\(folder)data/\(storage.key)"] else {
        throw Fault(
          name, "the storage \(storage.key.quoted) is missing", remedy: ByteReader.remedy)
      }
      let place = try archive.contents(of: entry)
      places[storage.key] = place
      return place
    }
  }

  // MARK: Older format

  /// Reads the older format: magic number, version, system, object, keys, storages.
  static func decodePickles(_ data: Data, name: String) throws -> Contents {
    var reader = ByteReader(data, name: name)
    let first = try Pickle.read(&reader)
    guard first.root == .longInteger(magic) else {
      throw OtherFormats.fault(first, name: name)
    }
    guard try Pickle.read(&reader).root == .integer(1001) else {
      throw Fault(
        name, "the .pth format is of an unknown version", remedy: "Save it with a newer PyTorch")
    }
    let system = try Pickle.read(&reader)
    guard system.fields(system.root)?["little_endian"] == .bool(true) else { throw bigEndian(name) }
    let pickle = try Pickle.read(&reader)
    let keys = try Pickle.read(&reader)
    let places = try readPlaces(keys.elements(keys.root) ?? [], pickle, &reader)
    return try contents(of: pickle, in: data, name: name) { storage in
      guard let place = places[storage.key] else {
        throw Fault(
          name, "the storage \(storage.key.quoted) is missing", remedy: ByteReader.remedy)
      }
      return place
    }
  }

  /// Each storage is preceded by its number of elements, eight bytes.
  private static func readPlaces(
    _ keys: [Pickle.Value], _ pickle: Pickle, _ reader: inout ByteReader
  ) throws -> Places {
    var storages: [String: Pickle.Storage] = [:]
    for storage in pickle.storages { storages[storage.key] = storage }
    let start = reader.position
    var places: Places = [:]
    do {
      for key in keys {
        guard case .text(let key) = key, let storage = storages[key] else {
          throw Fault(
            reader.name, "a storage in the file belongs to no tensor", remedy: ByteReader.remedy)
        }
        let count = try reader.size(UInt64.self)
        guard count == storage.count else {
          throw Fault(
            reader.name,
            "the storage \(key.quoted) has \(count) elements instead of \(storage.count)",
            remedy: ByteReader.remedy)
        }
        let (size, overflow) = count.multipliedReportingOverflow(by: storage.type.width)
        guard !overflow else { throw reader.cutShort() }
        places[key] = try reader.take(size)
      }
    } catch let fault as Fault where fault == reader.cutShort() {
      let total = storages.values.reduce(Double(start)) {
        $0 + 8 + Double($1.count) * Double($1.type.width)
      }
      throw Fault(
        reader.name,
        "the file is cut short: \(reader.data.count) bytes of \(String(format: "%.0f", total))",
        remedy: ByteReader.remedy)
    }
    return places
  }

  private static func bigEndian(_ name: String) -> Fault {
    Fault(
      name, "the numbers are stored big end first",
      remedy: "Load and save the file on an ordinary computer")
  }

  // MARK: Tensors

  /// Finds the parameters in what was pickled and copies their elements.
  private static func contents(
    of pickle: Pickle, in data: Data, name: String,
    place: (Pickle.Storage) throws -> Range<Int>
  ) throws -> Contents {
    var contents = Contents()
    // Tensors may share a storage, but a small file must not ask for unlimited memory or time.
    var budget = 16 * data.count
    for (parameter, index) in try stateDictionary(pickle, name: name) {
      let reference = pickle.tensors[index]
      let storage = pickle.storages[reference.storage]
      let bytes = try place(storage)
      guard storage.count <= bytes.count / storage.type.width, reference.fits(storage) else {
        throw Fault(
          name, "\(parameter.quoted), \(reference.shape), does not fit the storage it lies in",
          remedy: ByteReader.remedy)
      }
      budget -= 4 * max(reference.shape.count, reference.span)
      guard budget >= 0 else {
        throw Fault(
          name, "the tensors share storages and would take far more memory than the file",
          remedy: "Save the weights alone, torch.save(model.state_dict(), path)")
      }
      contents.tensors[parameter] = reference.tensor(storage.type, in: data, bytes)
      contents.types[parameter] = storage.type
    }
    return contents
  }

  /// The dictionary of parameters: the object itself, or a part of a training checkpoint.
  private static func stateDictionary(
    _ pickle: Pickle, name: String
  ) throws -> [(key: String, tensor: Int)] {
    var known: [Int: [(key: String, tensor: Int)]] = [:]
    /// Text keys with a tensor each. Looked for once in a dictionary, since any number of keys can
    /// name one.
    func tensors(_ value: Pickle.Value) -> [(key: String, tensor: Int)] {
      guard case .dictionary(let dictionary) = value else { return [] }
      if let found = known[dictionary] { return found }
      let found = (pickle.fields(value) ?? [:]).sorted { $0.key < $1.key }.compactMap {
        (key, value) -> (key: String, tensor: Int)? in
        if case .tensor(let index) = value { (key, index) } else { nil }
      }
      known[dictionary] = found
      return found
    }
    func isChosen(_ value: Pickle.Value) throws -> Bool {
      guard !tensors(value).isEmpty else { return false }
      let opaque = (pickle.fields(value) ?? [:]).sorted { $0.key < $1.key }.lazy.compactMap {
        if case .opaque(let index) = $1 { (key: $0, type: pickle.opaqueNames[index]) } else { nil }
      }
      guard let first = opaque.first else { return true }
      throw Fault(
        name,
        "\(first.key.quoted) among the tensors is Python's \(first.type.quoted), and only plain "
          + "tensors are read",
        remedy: "Save the weights alone, torch.save(model.state_dict(), path)")
    }
    if case .opaque(let index) = pickle.root {
      throw Fault(
        name,
        "the file holds an object of Python's \(pickle.opaqueNames[index].quoted), and only plain "
          + "tensors are read",
        remedy: "Save its weights alone, in Python: torch.save(torch.load(path, "
          + "weights_only=False).state_dict(), new_path)")
    }
    guard let top = pickle.fields(pickle.root) else {
      throw Fault(
        name, "the file holds no dictionary of tensors",
        remedy: "Save the weights with torch.save(model.state_dict(), path)")
    }
    for key in ["model", "state_dict", "model_state_dict", "weights"] {
      guard let part = top[key] else { continue }
      if case .opaque(let index) = part {
        throw Fault(
          name,
          "\(key) is an object of Python's \(pickle.opaqueNames[index].quoted), and only plain "
            + "tensors are read",
          remedy: "Save its weights alone, in Python: torch.save(torch.load(path, "
            + "weights_only=False)[\"\(key)\"].state_dict(), new_path)")
      }
      if try isChosen(part) { return tensors(part) }
    }
    let parts = top.filter { !tensors($0.value).isEmpty }
    // A step counter beside dictionaries makes no network.
    let isFlat = tensors(pickle.root).count > parts.map { tensors($0.value).count }.max() ?? 0
    if try isFlat && isChosen(pickle.root) { return tensors(pickle.root) }
    if parts.count == 1, let part = parts.first, try isChosen(part.value) {
      return tensors(part.value)
    }
    let named = parts.keys.sorted()
    if let first = named.first {
      throw Fault(
        name,
        "there are \(named.count) dictionaries of tensors in the file, and none is called model: "
          + named.prefix(8).map(\.quoted).joined(separator: ", "),
        remedy: "Save the one that is meant alone, in Python: torch.save(torch.load(path, "
          + "weights_only=False)[\"\(first.quoted)\"], new_path)")
    }
    throw Fault(
      name,
      "there are no tensors in the file, whose entries are: "
        + top.keys.sorted().prefix(8).map(\.quoted).joined(separator: ", "),
      remedy: "Save the weights alone, torch.save(model.state_dict(), path)")
  }
}

extension Pickle.TensorReference {
  /// Whether every element lies in the storage, and no element of the storage stands for many.
  func fits(_ storage: Pickle.Storage) -> Bool {
    if shape.count == 0 { return true }
    var last = offset
    for (extent, stride) in zip(shape.extents, strides) {
      let (step, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, overflowOfSum) = last.addingReportingOverflow(step)
      if overflow || overflowOfSum { return false }
      last = sum
    }
    return last < storage.count && shape.count <= storage.count
  }

  /// Elements of the storage from the first to the last that belongs to the tensor.
  var span: Int {
    shape.count == 0 ? 0 : zip(shape.extents, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 }
  }

  /// The elements in row-major order, whatever order the storage has them in.
  ///
  /// - Precondition: the reference fits the storage, whose elements fill `bytes` of the file.
  func tensor(_ type: ElementType, in data: Data, _ bytes: Range<Int>) -> Tensor {
    func elements(_ range: Range<Int>) -> [Float] {
      let start = bytes.lowerBound
      return data.floats(
        of: type, start + range.lowerBound * type.width..<start + range.upperBound * type.width)
    }
    if shape.count == 0 { return Tensor(shape, []) }
    // Strides of axes with one element mean nothing.
    let isContiguous = zip(zip(shape.extents, strides), shape.strides).allSatisfy {
      $0.0 == 1 || $0.1 == $1
    }
    if isContiguous { return Tensor(shape, elements(offset..<offset + shape.count)) }
    let source = elements(offset..<offset + span)
    var values: [Float] = []
    values.reserveCapacity(shape.count)
    var position = [Int](repeating: 0, count: shape.rank)
    for _ in 0..<shape.count {
      values.append(source[zip(position, strides).reduce(0) { $0 + $1.0 * $1.1 }])
      var axis = shape.rank - 1
      while axis >= 0 {
        position[axis] += 1
        if position[axis] < shape.extents[axis] { break }
        position[axis] = 0
        axis -= 1
      }
    }
    return Tensor(shape, values)
  }
}
