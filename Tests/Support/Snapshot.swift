import Foundation
import Figures
import Tensors

/// Compares a drawing with the one recorded in `Fixtures/snapshots`, and says what is wrong, or
/// nothing if every sample is within one level of 255.
///
///     #expect(snapshotFault(figure.draw(), named: "heatmap") == nil)
///
/// One level, because another libm may round a colour to its neighbour. On failure the expected,
/// the actual and the differing pixels are written to a temporary folder, which the words name.
/// With `RECORD_SNAPSHOTS=1` in the environment the drawing is recorded, and that is a fault too,
/// so that no run that records can pass for one that compares.
public func snapshotFault(_ actual: Raster, named name: String) -> String? {
  let file = fixturesFolder.appending(path: "snapshots/\(name).png")
  do {
    if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(PNG.encode(actual)).write(to: file)
      return "recorded \(file.path); look at it, then run again without RECORD_SNAPSHOTS"
    }
    guard FileManager.default.fileExists(atPath: file.path) else {
      let written = try write(["actual": actual], name)
      return "nothing is recorded at \(file.path); the drawing is in \(written)"
    }
    let expected = Raster(try readImage(file).pixels)
    guard expected.width == actual.width, expected.height == actual.height else {
      let folder = try write(["expected": expected, "actual": actual], name)
      return "the size is \(actual.width) × \(actual.height), recorded is "
        + "\(expected.width) × \(expected.height); see \(folder)"
    }
    var difference = Raster(width: actual.width, height: actual.height)
    var count = 0
    for y in 0..<actual.height {
      for x in 0..<actual.width {
        let (a, b) = (actual[x, y], expected[x, y])
        let most =
          zip([a.red, a.green, a.blue], [b.red, b.green, b.blue])
          .map { abs(Int($0) - Int($1)) }.max() ?? 0
        guard most > 1 else { continue }
        count += 1
        difference[x, y] = .red
      }
    }
    guard count > 0 else { return nil }
    let folder = try write(
      ["expected": expected, "actual": actual, "difference": difference], name)
    return "\(count) pixels of \(name) differ from the record; see \(folder)"
  } catch {
    return "\(error)"
  }
}

private func write(_ rasters: KeyValuePairs<String, Raster>, _ name: String) throws -> String {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "snapshot-\(name)", directoryHint: .isDirectory)
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  for (part, raster) in rasters {
    try Data(PNG.encode(raster)).write(to: folder.appending(path: "\(part).png"))
  }
  return folder.path
}
