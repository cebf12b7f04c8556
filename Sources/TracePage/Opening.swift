import Foundation
import Kernels
import Figures
import Stage6Masks
import Tensors
import Tracing
import WeightFiles

// The top of the page: what it is of, and the image that everything led to.

extension PageSource {
  /// What the trace is of, as names and values: the facts under the page's title.
  func facts() throws -> [[String: String]] {
    var facts: [(name: String, value: String)] = []
    let name = trace.image?.lastPathComponent
    let size = try knownSizes().map { "\($0.original.width) × \($0.original.height) image pixels" }
    let image = [name, size].compactMap(\.self).joined(separator: ", ")
    if !image.isEmpty { facts.append(("Image", image)) }
    if let weights = trace.weights?.lastPathComponent { facts.append(("Weights", weights)) }
    let settings = trace.record.settingsInWords
    if !settings.isEmpty {
      facts.append(("In place of the weight file’s settings", settings.joined(separator: ", ")))
    }
    for stage in ["6-masks", "5-heads"] where isCurrent(stage) {
      let tensors = try trace.stage(stage).record.tensors
      if let count = tensors.first(where: { $0.name == "boxes" })?.shape.first {
        let scores = isCurrent("5-heads") ? try trace.stage("5-heads").arrayIfKept("scores") : nil
        let sure = scores?.tensor.values.count { $0 > Overlay.strong }
        facts.append(
          (
            "Detections",
            sure.map { "\(count), \($0) of them with a score over \(Overlay.strong)" } ?? "\(count)"
          )
        )
        break
      }
    }
    return facts.map { ["name": $0.name, "value": $0.value] }
  }

  /// The command that makes the whole trace again, its deliberate mistake with it, in parts between
  /// which a line may break.
  func command() -> [String] {
    let image = trace.record.image.map { [quoted(fromFolderAround($0))] } ?? []
    let maskrcnn = ["swift run", "-c release", "maskrcnn"]
    guard let mistake = trace.record.note?.mistake else {
      return maskrcnn + image + ["--trace \(quoted(trace.name))"] + truthWords
    }
    return maskrcnn + ["break", "--mistake \(quoted(mistake))"] + image
      + ["--into \(quoted(trace.name))"]
  }

  /// The options that name the truth; none where the trace notes none.
  private var truthWords: [String] {
    guard let truth = trace.record.truth else { return [] }
    return ["--truth \(quoted(fromFolderAround(truth.file)))"]
      + (truth.imageID.map { ["--image-id \($0)"] } ?? [])
      + (truth.label.map { ["--label \(quoted($0))"] } ?? [])
  }

  /// A path from the trace's folder as one from the folder around it, where the command runs. Of an
  /// absolute one the file's name alone: a page may be passed on, and tells nothing of the machine.
  private func fromFolderAround(_ path: String) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return URL(filePath: path).lastPathComponent }
    return path.hasPrefix("../") ? String(path.dropFirst(3)) : "\(trace.name)/\(path)"
  }

  /// The image with the masks over it, or what else there is to begin with.
  func opening() throws -> [String: String]? {
    let candidates = [
      ("6-masks", "figures/overlay.png"), ("0-input", "figures/input.png"),
    ]
    for (stage, file) in candidates where isCurrent(stage) {
      let folder = try trace.stage(stage)
      guard let figure = folder.record.figures.first(where: { $0.file == file }) else { continue }
      let shown = try Thumbnail(
        figure, of: folder.folder, width: Thumbnail.opening, quality: 80)
      let (title, _) = headAndRest(figure.caption)
      return shown.context.merging(["file": "\(stage)/\(file)", "title": title]) { $1 }
    }
    return nil
  }
}

/// A figure of the trace, made small for the page.
struct Thumbnail: Sendable {
  /// Pixels across a figure in the gallery.
  static let gallery = 240
  /// Pixels across the figure beside a chapter's text.
  static let main = 516
  /// Pixels across the figure at the top of the page.
  static let opening = 560

  private let size: (width: Int, height: Int)
  private let jpeg: [UInt8]

  /// Reads a figure and makes it small.
  ///
  /// - Throws: `Fault` if it cannot be read or is not what was written.
  init(_ figure: FigureRecord, of folder: URL, width: Int, quality: Int) throws {
    self.init(try figure.raster(in: folder), width: width, quality: quality)
  }

  /// Makes a figure at most `width` pixels wide, and eight times as high.
  init(_ raster: Raster, width: Int, quality: Int) {
    let share = min(
      1, Double(width) / Double(raster.width), Double(8 * width) / Double(raster.height))
    let small = raster.resized(
      width: max(1, Int(Double(raster.width) * share)),
      height: max(1, Int(Double(raster.height) * share)))
    size = (small.width, small.height)
    jpeg = JPEG.encode(small, quality: quality)
  }

  /// What the page's template takes of it.
  var context: [String: String] {
    [
      "width": String(size.width), "height": String(size.height),
      "jpeg": Data(jpeg).base64EncodedString(),
    ]
  }
}

extension FigureRecord {
  /// The figure's pixels.
  ///
  /// - Parameter folder: the stage's folder
  /// - Throws: `Fault` if it cannot be read or is not what was written.
  func raster(in folder: URL) throws -> Raster {
    try PNG.decodeRaster(
      StageFolder.bytes(of: file, crc32, in: folder), name: folder.appending(path: file).path)
  }
}

/// A caption's first sentence, which is its figure's title, and the rest.
func headAndRest(_ caption: String) -> (head: String, rest: String) {
  guard let end = caption.range(of: ". ") else { return (caption, "") }
  return (String(caption[..<end.lowerBound]), String(caption[end.upperBound...]))
}
