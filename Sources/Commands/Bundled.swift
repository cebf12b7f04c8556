import Foundation

/// What comes with the package.
enum Bundled {
  static var image: URL { fixtures.appending(path: "images/nuclei.png") }
  static var weights: URL { fixtures.appending(path: "weights/nuclei.safetensors") }

  /// The package's `Fixtures`: under the current folder, or where this file was compiled.
  static var fixtures: URL {
    let here = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
      .appending(path: "Fixtures")
    let weights = here.appending(path: "weights/nuclei.safetensors")
    if FileManager.default.fileExists(atPath: weights.path) { return here }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures")
  }
}
