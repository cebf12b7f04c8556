import Foundation
import Tensors

/// How to get weights that can be read, for files of other tools, from which nothing makes them.
package let otherToolRemedy =
  "Use torchvision's weights, which in Python torch.save(torchvision.models.detection."
  + "maskrcnn_resnet50_fpn(weights=\"DEFAULT\").state_dict(), \"coco.pth\") writes"

/// Files that people have in hand instead of weights, recognised by what they begin with: formats
/// of other tools, and what downloads that went wrong leave.
enum OtherFormats {
  /// The fault that names what a file is; nil if it may be a weight file.
  static func fault(_ data: Data, name: String) -> Fault? {
    if data.isEmpty { return Fault(name, "the file is empty", remedy: ByteReader.remedy) }
    let start = String(decoding: data.prefix(512), as: UTF8.self)
      .drop { $0.isWhitespace || $0 == "\u{feff}" }.lowercased()
    if start.hasPrefix("<?xml"), start.contains("<net ") {
      return of("an OpenVINO model", name)
    }
    if start.hasPrefix("<!doctype html") || start.hasPrefix("<html") || start.hasPrefix("<?xml") {
      return Fault(
        name, "the file is a web page, not weights",
        remedy: "Download from the link to the file itself, not to the page about it")
    }
    if start.hasPrefix("version https://git-lfs") {
      return Fault(
        name, "the file is a git-lfs pointer: the weights themselves were not downloaded",
        remedy: "Run git lfs pull where the file comes from")
    }
    if data.starts(with: [0x1f, 0x8b]) {
      return Fault(name, "the file is compressed with gzip", remedy: "Unpack it with gunzip")
    }
    if data.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]) {
      return of("an HDF5 file, in which Keras keeps weights", name)
    }
    if data.count >= 8, data[4..<8].elementsEqual("TFL3".utf8) {
      return of("a TensorFlow Lite model", name)
    }
    if isONNX(data) { return of("an ONNX model", name) }
    return nil
  }

  /// The fault for a zip file in which torch.save's pickle is not all that there is, or is missing;
  /// nil if torch.save may have written it.
  static func fault(entries: some Collection<String>, name: String) -> Fault? {
    func has(_ end: String) -> Bool { entries.contains { "/\($0)".hasSuffix("/\(end)") } }
    if has("constants.pkl") {
      return Fault(
        name, "the file is a TorchScript program",
        remedy: "Save its weights alone, in Python: "
          + "torch.save(torch.jit.load(path).state_dict(), new_path)")
    }
    if has("model.weights.h5") { return of("a Keras model", name) }
    if has("model.json") || has("serialized_exported_program.json") {
      return Fault(
        name, "the file is a program of torch.export",
        remedy: "Save its weights alone, in Python: "
          + "torch.save(torch.export.load(path).state_dict, new_path)")
    }
    if entries.contains(where: { $0.hasSuffix(".npy") }) {
      return Fault(
        name, "the file is a NumPy archive (.npz)",
        remedy: "Write it with safetensors.numpy.save_file(dict(numpy.load(path)), new_path), "
          + "which keeps the names of the arrays")
    }
    return nil
  }

  /// The fault for a pickle that torch.save did not write.
  static func fault(_ pickle: Pickle, name: String) -> Fault {
    let names = pickle.dictionaries.lazy.joined().compactMap { key, _ in
      if case .text(let key) = key { key } else { nil }
    }
    if names.contains(where: { $0.hasPrefix("backbone.bottom_up.") }) {
      return of("a model of detectron2, with its names", name)
    }
    return Fault(
      name, "this is a pickle, but not one that torch.save wrote",
      remedy: "Save the weights with torch.save(model.state_dict(), path)")
  }

  private static func of(_ what: String, _ name: String) -> Fault {
    Fault(name, "the file is \(what), which is not read", remedy: otherToolRemedy)
  }

  /// A protocol buffer whose first field is a small number, the version, and whose second is the
  /// name of what wrote it.
  private static func isONNX(_ data: Data) -> Bool {
    guard data.count > 8, data[0] == 0x08, data[1] < 0x20, data[2] == 0x12 else { return false }
    let producer = data.dropFirst(4).prefix(Int(data[3]))
    return (1..<64).contains(data[3]) && producer.allSatisfy { (0x20..<0x7f).contains($0) }
  }
}
