import Foundation
import Tensors
import WeightFiles

/// A golden case of learning or training as the recorder left it: `how.json` and
/// `reference.safetensors` in a folder.
struct RecordedCase<How: Decodable> {
  /// The folder's name.
  let name: String
  let folder: URL
  let how: How
  /// The recorded tensors by name.
  let tensors: [String: Tensor]

  /// Opens a case.
  init(_ folder: URL) throws {
    self.folder = folder
    name = folder.lastPathComponent
    tensors = try WeightFile.read(folder.appending(path: "reference.safetensors")).tensors
    how = try JSONDecoder().decode(
      How.self, from: Data(try readBytes(of: folder.appending(path: "how.json"))))
  }

  /// A recorded tensor.
  ///
  /// - Throws: `Fault` if there is none of the name.
  func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw Fault(
        folder.path, "the reference has no \(name)", remedy: "Record the goldens again")
    }
    return tensor
  }
}

/// The folders of the cases in a folder, by name.
func recordedCases(in folder: URL) throws -> [URL] {
  try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    .map { folder.appending(path: $0) }
}
