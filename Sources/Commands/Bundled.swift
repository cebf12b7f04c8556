import Foundation
import Tensors
import WeightFiles

/// What comes with the package.
enum Bundled {
  static var image: URL { fixtures.appending(path: "images/nuclei.png") }
  /// The nuclei of `image` as a label map.
  static var labels: URL { fixtures.appending(path: "images/nuclei-labels.png") }
  /// A scene of shapes.
  static var shapes: URL { fixtures.appending(path: "images/shapes.png") }
  /// The objects of `shapes` as COCO annotations.
  static var shapesTruth: URL { fixtures.appending(path: "images/shapes.json") }
  static var weights: URL { fixtures.appending(path: "weights/nuclei.safetensors") }

  /// The bundled image, label map or weight file that has a checksum; nil where none has.
  static func file(withChecksum checksum: String) -> URL? {
    [image, labels, shapes, shapesTruth, weights].first { file in
      (try? readBytes(of: file)).map { Checksum.crc32($0) } == checksum
    }
  }

  /// A file that a trace records, where it is now: at its path, or the bundled one of the same
  /// checksum wherever the program is, since a trace may have been copied or moved without it.
  ///
  /// - Parameters:
  ///   - checksum: CRC-32 of the file; nil where the trace does not record it
  ///   - what: what the file is to the trace, `the weights`
  ///   - remedy: how a command is given the file
  /// - Throws: `Fault` if it is at neither place.
  static func located(
    _ file: URL, checksum: String?, _ what: String, remedy: String
  ) throws -> URL {
    if FileManager.default.fileExists(atPath: file.path) { return file }
    if let checksum, let bundled = self.file(withChecksum: checksum) { return bundled }
    let name = file.lastPathComponent + (checksum.map { " (crc32 \($0))" } ?? "")
    throw Fault(
      file.path, "there is no such file, and \(what) of the trace are stored in \(name)",
      remedy: remedy)
  }

  /// The package's `Fixtures`: under the current folder, or where this file was compiled.
  static var fixtures: URL {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
      .appending(path: "Fixtures")
    let weights = here.appending(path: "weights/nuclei.safetensors")
    if FileManager.default.fileExists(atPath: weights.path) { return here }
    return package.appending(path: "Fixtures")
  }

  /// Where the program was built. It is not copied with the program.
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// A fault about a file that is missing because the program was copied without its package, said
  /// so; others as they are.
  static func explained(_ fault: Fault) -> Fault {
    let words = fault.subject + " " + fault.problem
    guard words.contains(package.path + "/"),
      !FileManager.default.fileExists(atPath: package.appending(path: "Package.swift").path)
    else { return fault }
    return Fault(
      "this program",
      "the package that it was built from, \(package.path), is gone, and with it the bundled image and "
        + "weights and the parts of the page",
      remedy: "Give an image, --weights and --no-page, or start it where the package is")
  }
}
