import Foundation
import Tensors

/// The named tensors in a file of weights, whatever its format.
///
/// Reading runs no code: of the pickles in `.pth` files only plain values and tensors are
/// understood. Other objects that a checkpoint holds beside the model are skipped; among the
/// tensors they are refused by name.
public struct WeightFile: Sendable {
  /// The formats, recognised by content and never by a file's name.
  public enum Format: String, Sendable {
    /// Header in JSON, then the elements.
    case safetensors
    /// `torch.save` of PyTorch 1.6 and later: a zip archive.
    case torchZip
    /// `torch.save` before: pickles, then the elements.
    case torchLegacy
    /// Never was a file: made by a formula.
    case generated

    /// The name of the format.
    public var title: String {
      switch self {
      case .safetensors: "safetensors"
      case .torchZip: ".pth, zip archive (PyTorch 1.6 and later)"
      case .torchLegacy: ".pth, older format (before PyTorch 1.6)"
      case .generated: "generated, no file"
      }
    }
  }

  /// The file's path, or what takes its place in errors.
  public let name: String
  /// The format.
  public let format: Format
  /// The tensors by name, widened to 32-bit floats. `num_batches_tracked` counters are among them.
  public let tensors: [String: Tensor]
  /// What the file says besides: empty for `.pth`.
  public let metadata: [String: String]
  /// The element types in the file, most frequent first: `["float16", "int64"]`.
  public let elementTypes: [String]
  /// CRC-32 of the file's bytes, as eight hexadecimal digits; nil where there is no file.
  public let checksum: String?

  /// Makes a weight file from tensors in memory.
  public init(
    name: String, format: Format = .generated, tensors: [String: Tensor],
    metadata: [String: String] = [:], elementTypes: [String] = ["float32"],
    checksum: String? = nil
  ) {
    self.name = name
    self.format = format
    self.tensors = tensors
    self.metadata = metadata
    self.elementTypes = elementTypes
    self.checksum = checksum
  }

  /// Reads a `.safetensors` or `.pth` file.
  ///
  /// - Throws: `Fault` if the file is missing, empty, cut short, damaged, not a weight file, holds
  ///   NaN or infinity, or would run code in Python.
  /// - Complexity: linear in the size of the file, which is mapped and copied once.
  public static func read(_ url: URL) throws -> WeightFile {
    try decode(readData(of: url), name: url.path)
  }

  /// Reads the bytes of a file; `name` is what an error calls it.
  public static func decode(_ data: Data, name: String) throws -> WeightFile {
    let data = data.startIndex == 0 ? data : Data(data)
    if let fault = OtherFormats.fault(data, name: name) { throw fault }
    let format: Format
    let tensors: [String: Tensor]
    let types: [String: ElementType]
    var metadata: [String: String] = [:]
    if ZipArchive.recognizes(data) {
      let contents = try TorchFile.decodeZip(data, name: name)
      (format, tensors, types) = (.torchZip, contents.tensors, contents.types)
    } else if Safetensors.recognizes(data) {
      let contents = try Safetensors.decode(data, name: name)
      (format, tensors, types) = (.safetensors, contents.tensors, contents.types)
      metadata = contents.metadata
    } else if TorchFile.recognizesPickle(data) {
      let contents = try TorchFile.decodePickles(data, name: name)
      (format, tensors, types) = (.torchLegacy, contents.tensors, contents.types)
    } else {
      throw Fault(
        name, "this is not a weight file", remedy: "Give a .safetensors or .pth file")
    }
    let damaged = tensors.filter { types[$0.key]?.isFloat == true && !$0.value.isFinite }
    if let first = damaged.keys.min() {
      let others = damaged.count == 1 ? "" : " (and \(damaged.count - 1) other parameters)"
      throw Fault(
        name, "\(first.quoted)\(others) holds NaN or infinity",
        remedy: "Use a checkpoint from before the training diverged")
    }
    let values = ["weight", "bias", "running_mean", "running_var"]
    let whole = types.filter { name, type in
      !type.isFloat && values.contains { name == $0 || name.hasSuffix("." + $0) }
    }
    if let first = whole.keys.min(), let type = whole[first] {
      throw Fault(
        name, "\(first.quoted) holds whole numbers (\(type.rawValue)), as quantised weights do",
        remedy: "Save the weights as floats, before they are quantised")
    }
    var counts: [String: Int] = [:]
    for type in types.values { counts[type.rawValue, default: 0] += 1 }
    return WeightFile(
      name: name, format: format, tensors: tensors, metadata: metadata,
      elementTypes: counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key),
      checksum: data.withUnsafeBytes { Checksum.crc32([], then: $0) })
  }
}
