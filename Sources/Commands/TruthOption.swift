import Annotations
import ArgumentParser
import Ablations
import Foundation
import Stage0Input
import Tensors
import Tracing

/// The objects that there are in a trace's image.
struct TruthOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The true objects: a grey PNG of 8 or 16 bits, 0 for the background, a number per object. "
        + "Default: the bundled labels where the trace is of the bundled image.",
      valueName: "labels.png"))
  var truth: String?

  /// The file; nil where none was named.
  var file: URL? { truth.map { URL(fileURLWithPath: $0) } }
}

/// The objects that a file says there are in a trace's image; without a file those of the bundled
/// image, where the trace is of it.
///
/// - Throws: `Fault` if the file is no label map of the image's size.
func trueObjects(of trace: Trace, file: URL?) throws -> [MaskRegion]? {
  guard trace.has(InputStage.name) else { return nil }
  return try (file ?? Bundled.labels(of: trace)).map { file in
    let image = try InputSizes(trace.current(InputStage.name)).original
    return try trueObjects(
      readBytes(of: file), name: file.relativePath, width: image.width, height: image.height)
  }
}

extension Bundled {
  /// The true objects of the bundled image, if a trace is of it or of a copy of it.
  static func labels(of trace: Trace) -> URL? {
    guard let file = trace.image,
      FileManager.default.contentsEqual(atPath: file.path, andPath: image.path)
    else { return nil }
    return fixtures.appending(path: "images/nuclei-labels.png")
  }
}
