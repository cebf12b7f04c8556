import Foundation
import Tensors
import WeightFiles

/// What one stage left in a trace, for reading.
public final class StageFolder {
  /// The stage's folder.
  public let folder: URL
  /// What its `stage.json` says.
  public let record: StageRecord
  /// CRC-32 of its `stage.json`.
  public let checksum: String
  private var inMemory: [String: NumericArray]

  init(folder: URL, record: StageRecord, checksum: String, inMemory: [String: NumericArray]) {
    self.folder = folder
    self.record = record
    self.checksum = checksum
    self.inMemory = inMemory
  }

  /// Opens a stage's folder.
  ///
  /// - Throws: `Fault` if the stage has not run or `stage.json` cannot be read.
  public static func open(_ folder: URL, name: String) throws -> StageFolder {
    let file = folder.appending(path: "stage.json")
    guard FileManager.default.fileExists(atPath: file.path) else {
      guard !FileManager.default.fileExists(atPath: folder.path) else {
        throw Fault(
          folder.path, "the stage's stage.json is missing or cannot be read",
          remedy: "\(runAgain): \(Self.command(running: folder))")
      }
      throw Fault(
        folder.path, "the stage \(name) has not run in this trace",
        remedy: "Run it first: \(Self.command(running: folder))")
    }
    let bytes = try readBytes(of: file)
    let record: StageRecord = try decodeJSON(
      bytes, name: file.path, remedy: "\(runAgain): \(Self.command(running: folder))")
    guard record.format == StageRecord.currentFormat, record.stage == name else {
      throw Fault(
        file.path,
        "this describes stage \(record.stage) in format \(record.format), "
          + "expected \(name) in format \(StageRecord.currentFormat)",
        remedy: "\(runAgain): \(Self.command(running: folder))")
    }
    for tensor in record.tensors {
      let files = [tensor.file, tensor.samples?.indices].compactMap(\.self)
      guard Shape(checking: tensor.shape) != nil, files.allSatisfy(staysInside) else {
        throw Fault(
          file.path, "the entry of \(tensor.name) has an impossible shape or file",
          remedy: runAgain)
      }
    }
    guard (record.figures.map(\.file) + record.files.map(\.file)).allSatisfy(staysInside) else {
      throw Fault(
        file.path, "a figure or file lies outside the stage's folder",
        remedy: runAgain)
    }
    return StageFolder(
      folder: folder, record: record, checksum: Checksum.crc32(bytes), inMemory: [:])
  }

  /// How the remedy of a fault begins that goes away when the stage is run again.
  public static let runAgain = "Run the stage again"

  /// The command that runs the stage, without the options it ran with.
  var command: String { Self.command(running: folder) }

  /// The command that runs the stage of a folder.
  private static func command(running folder: URL) -> String {
    let word = folder.lastPathComponent.drop { $0.isNumber || $0 == "-" }
    let trace = folder.deletingLastPathComponent().relativePath
    return "swift run -c release \(word) --trace \(quoted(trace))"
  }

  /// The names of the tensors, in the order in which they were written.
  public var tensorNames: [String] { record.tensors.map(\.name) }

  /// Whether the stage left a tensor of this name.
  public func has(_ name: String) -> Bool { record.tensors.contains { $0.name == name } }

  /// Whether a tensor's elements are in memory or in a file.
  func isAvailable(_ name: String) -> Bool {
    inMemory[name] != nil || record.tensors.contains { $0.name == name && $0.file != nil }
  }

  /// Whether the stage left a tensor of this name and all of it was kept, in memory or as a file.
  public func holds(_ name: String) -> Bool {
    isAvailable(name) && record.tensors.contains { $0.name == name && $0.samples == nil }
  }

  /// An array that the stage left; nil where it is recorded that it was not kept, or not the whole
  /// of it. Only such an array may be replaced by something else.
  ///
  /// - Throws: `Fault` if the stage has no array of this name, or its file is not what was written.
  public func arrayIfKept(_ name: String) throws -> NumericArray? {
    if has(name), !holds(name) { return nil }
    return try array(name)
  }

  /// An array that the stage left, from memory where it is still there.
  ///
  /// - Throws: `Fault` if it was not kept, or its file is not what was written.
  public func array(_ name: String) throws -> NumericArray {
    if let array = inMemory[name] { return array }
    let (entry, array) = try stored(name)
    if let samples = entry.samples {
      throw Fault(
        folder.path, "only \(array.shape.count) samples of \(name) are kept (\(samples.indices))",
        remedy: "\(Self.runAgain) to have the whole tensor")
    }
    guard array.shape.extents == entry.shape else {
      throw Fault(
        folder.path, "\(name) has shape \(array.shape), stage.json says \(Shape(entry.shape))",
        remedy: Self.runAgain)
    }
    inMemory[name] = array
    return array
  }

  /// A float tensor that the stage left.
  public func tensor(_ name: String) throws -> Tensor {
    try array(name).tensor
  }

  /// An integer tensor that the stage left.
  public func integers(_ name: String) throws -> [Int] {
    guard let integers = try array(name).integers else {
      throw Fault(folder.path, "\(name) holds no integers", remedy: Self.runAgain)
    }
    return integers
  }

  /// Boxes that the stage left.
  public func boxes(_ name: String) throws -> [Box] {
    let tensor = try tensor(name)
    guard tensor.shape.rank > 0, tensor.shape[tensor.shape.rank - 1] == 4 else {
      throw Fault(
        folder.path, "\(name) has shape \(tensor.shape), boxes have 4 columns",
        remedy: Self.runAgain)
    }
    return tensor.boxes
  }

  /// The row-major positions and the values of a sampled tensor, or nil where all is kept.
  func samples(_ name: String) throws -> (positions: [Int], values: [Float])? {
    guard let entry = record.tensors.first(where: { $0.name == name }), let samples = entry.samples
    else { return nil }
    let file = folder.appending(path: samples.indices)
    let bytes = try Self.bytes(of: samples.indices, samples.crc32, in: folder)
    let (_, values) = try stored(name)
    let count = Shape(entry.shape).count
    guard let positions = try NPY.decode(bytes, name: file.path).integers,
      positions.count == values.shape.count, positions.allSatisfy({ (0..<count).contains($0) })
    else {
      throw Fault(
        file.path, "the positions do not fit the samples of \(name)", remedy: "Record them again")
    }
    return (positions, values.tensor.values)
  }

  private func stored(_ name: String) throws -> (TensorRecord, NumericArray) {
    guard let entry = record.tensors.first(where: { $0.name == name }) else {
      throw Fault(
        folder.path, "there is no tensor \(name) (there are \(tensorNames.joined(separator: " ")))",
        remedy: Self.runAgain)
    }
    guard let path = entry.file, let checksum = entry.crc32 else {
      throw Fault(
        folder.path, "the tensor \(name) was not kept (--tensors none)",
        remedy: "\(Self.runAgain) with --tensors full")
    }
    let bytes = try Self.bytes(of: path, checksum, in: folder)
    return (entry, try NPY.decode(bytes, name: folder.appending(path: path).path))
  }

  /// Reads every file that the record lists and compares it with its checksum.
  ///
  /// - Throws: `Fault` about the first that is missing or is not what the stage wrote.
  public func verify() throws {
    var files = record.tensors.flatMap { tensor in
      [(tensor.file, tensor.crc32), (tensor.samples?.indices, tensor.samples?.crc32)]
    }
    files += record.figures.map { ($0.file, $0.crc32) } + record.files.map { ($0.file, $0.crc32) }
    for case (let path?, let checksum?) in files {
      _ = try Self.bytes(of: path, checksum, in: folder)
    }
  }

  /// The bytes of a file in a stage's folder, as the stage wrote them.
  ///
  /// - Throws: `Fault` if the file is missing or its checksum is not the one that is recorded.
  public static func bytes(of path: String, _ checksum: String, in folder: URL) throws -> [UInt8] {
    let file = folder.appending(path: path)
    let remedy = "\(runAgain): \(command(running: folder))"
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw Fault(file.path, "the file that the stage wrote is missing", remedy: remedy)
    }
    let bytes = try readBytes(of: file)
    guard Checksum.crc32(bytes) == checksum else {
      throw Fault(
        file.path,
        "the file is not the one that the stage wrote (its checksum is not the one in "
          + "stage.json)", remedy: remedy)
    }
    return bytes
  }
}
