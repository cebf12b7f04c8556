import Foundation
import Tensors

/// The `.safetensors` format: eight bytes of header length, a JSON header with type, shape and
/// place of every tensor, then the elements. https://huggingface.co/docs/safetensors
///
/// The format can hold no code.
public enum Safetensors {
  /// How floats are written.
  public enum Precision: Sendable {
    /// As they are.
    case float32
    /// Rounded to binary16.
    case float16
  }

  /// The contents of a file.
  struct Contents {
    var tensors: [String: Tensor] = [:]
    var types: [String: ElementType] = [:]
    var metadata: [String: String] = [:]
  }

  private static let types: [String: ElementType] = [
    "F32": .float32, "F16": .float16, "BF16": .bfloat16, "F64": .float64, "I64": .int64,
    "I32": .int32, "I16": .int16, "I8": .int8, "U8": .uint8, "BOOL": .bool,
  ]

  /// Whether bytes look like such a file: a plausible length, then the brace that opens the header.
  static func recognizes(_ data: Data) -> Bool {
    guard data.count > 8, data[data.startIndex + 8] == UInt8(ascii: "{") else { return false }
    var reader = ByteReader(data, name: "")
    guard let length = try? reader.integer(UInt64.self) else { return false }
    return length < 1 << 32
  }

  /// Reads the bytes of a file; `name` is what an error calls it.
  static func decode(_ data: Data, name: String) throws -> Contents {
    func fault(_ problem: String) -> Fault { Fault(name, problem, remedy: ByteReader.remedy) }
    var reader = ByteReader(data, name: name)
    let length = try reader.size(UInt64.self)
    guard length <= reader.remaining else {
      throw fault(
        "the file is cut short: the header alone has \(length) bytes, the file \(data.count)")
    }
    let start = 8 + length
    let header: Header
    let text = reader.data[try reader.take(length)]
    if let key = RepeatedKey.first(inJSON: text) {
      throw fault("the header has the key \(key.quoted) twice")
    }
    do {
      header = try JSONDecoder().decode(Header.self, from: text)
    } catch {
      throw fault("the header is not the JSON that a .safetensors file begins with")
    }
    let held = data.count - start
    var contents = Contents(metadata: header.metadata)
    var places: [(range: Range<Int>, name: String)] = []
    for (parameter, entry) in header.entries.sorted(by: { $0.key < $1.key }) {
      guard let type = types[entry.dtype] else {
        throw Fault(
          name, "\(parameter.quoted) has elements of type \(entry.dtype.quoted)",
          remedy: "Save it as F32, F16 or BF16")
      }
      guard let shape = Shape(checking: entry.shape), entry.offsets.count == 2,
        case let (first, last) = (entry.offsets[0], entry.offsets[1]), 0 <= first, first <= last
      else { throw fault("the header gives \(parameter.quoted) an impossible shape or place") }
      let (size, overflow) = shape.count.multipliedReportingOverflow(by: type.width)
      guard !overflow, last - first == size else {
        throw fault(
          "the header gives \(parameter.quoted) \(last - first) bytes, "
            + "\(shape) of \(entry.dtype) needs \(overflow ? "more" : "\(size)")")
      }
      places.append((first..<last, parameter))
      contents.types[parameter] = type
    }
    let needed = places.map(\.range.upperBound).max() ?? 0
    guard needed <= held else {
      let (total, overflow) = start.addingReportingOverflow(needed)
      throw fault(
        "the file is cut short: \(data.count) bytes of \(overflow ? "far more" : "\(total)")")
    }
    guard needed == held else {
      throw fault("\(held - needed) bytes follow the last tensor")
    }
    places.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for (one, next) in zip(places, places.dropFirst())
    where next.range.lowerBound < one.range.upperBound {
      throw fault("\(one.name.quoted) and \(next.name.quoted) overlap")
    }
    var end = 0
    for place in places {
      guard place.range.lowerBound == end else {
        throw fault(
          "\(place.range.lowerBound - end) bytes before \(place.name.quoted) are of no tensor")
      }
      end = place.range.upperBound
    }
    for place in places {
      guard let entry = header.entries[place.name], let type = contents.types[place.name] else {
        continue
      }
      let range = start + place.range.lowerBound..<start + place.range.upperBound
      contents.tensors[place.name] = Tensor(
        Shape(entry.shape), reader.data.floats(of: type, range))
    }
    return contents
  }

  /// The bytes of a file with the given tensors, in the order of their names.
  ///
  /// - Throws: `Fault` if a value is not finite or too large for the precision.
  public static func encode(
    _ tensors: [String: Tensor], metadata: [String: String] = [:], precision: Precision = .float32
  ) throws -> Data {
    let sorted = tensors.sorted { $0.key < $1.key }
    let width = precision == .float32 ? 4 : 2
    var entries: [String: Entry] = [:]
    var offset = 0
    for (name, tensor) in sorted {
      let end = offset + tensor.count * width
      entries[name] = Entry(
        dtype: precision == .float32 ? "F32" : "F16", shape: tensor.shape.extents,
        offsets: [offset, end])
      offset = end
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var header = try encoder.encode(Header(entries: entries, metadata: metadata))
    // The elements begin at a multiple of 8, as the format asks of writers.
    header.append(Data(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8))
    var bytes = Data(capacity: 8 + header.count + offset)
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(header)
    for (name, tensor) in sorted {
      switch precision {
      case .float32:
        guard tensor.isFinite else { throw notFinite(name, "a 32-bit float") }
        tensor.values.withUnsafeBytes { bytes.append(contentsOf: $0) }
      case .float16:
        let halves = tensor.values.map { Half.bits(of: $0) }
        guard halves.allSatisfy({ $0 & 0x7c00 != 0x7c00 }) else {
          throw notFinite(name, "a 16-bit float")
        }
        halves.withUnsafeBytes { bytes.append(contentsOf: $0) }
      }
    }
    return bytes
  }

  /// Writes a file with the given tensors; it appears whole or not at all.
  ///
  /// - Throws: `Fault` if a value does not fit the precision or the file cannot be written.
  public static func write(
    _ tensors: [String: Tensor], metadata: [String: String] = [:], precision: Precision = .float32,
    to file: URL
  ) throws {
    try writeWhole([UInt8](encode(tensors, metadata: metadata, precision: precision)), to: file)
  }

  private static func notFinite(_ name: String, _ type: String) -> Fault {
    Fault(name.quoted, "a value does not fit \(type)", remedy: "Write it with more precision")
  }
}

/// The JSON header: tensors by name, and under one reserved name the metadata.
private struct Header: Codable {
  var entries: [String: Entry] = [:]
  var metadata: [String: String] = [:]

  private static let reserved = "__metadata__"

  init(entries: [String: Entry], metadata: [String: String]) {
    self.entries = entries
    self.metadata = metadata
  }

  init(from decoder: Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    for key in container.allKeys {
      if key.stringValue == Header.reserved {
        metadata = try container.decode([String: String].self, forKey: key)
      } else {
        entries[key.stringValue] = try container.decode(Entry.self, forKey: key)
      }
    }
  }

  func encode(to encoder: Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    if !metadata.isEmpty { try container.encode(metadata, forKey: Name(Header.reserved)) }
    for (name, entry) in entries { try container.encode(entry, forKey: Name(name)) }
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }
}

/// Type, shape and place of one tensor.
private struct Entry: Codable {
  var dtype: String
  var shape: [Int]
  var offsets: [Int]

  private enum CodingKeys: String, CodingKey {
    case dtype, shape
    case offsets = "data_offsets"
  }
}
