import Foundation
import Kernels
import Pictures
import Tensors
import Tracing

/// What a page's template takes of one stage.
func sectionContext(_ folder: StageFolder, exhibits: [Exhibit], prose: String) -> [String: Any] {
  let record = folder.record
  let word = String(record.stage.drop { $0 != "-" }.dropFirst())
  return [
    "id": record.stage,
    "number": String(record.stage.prefix { $0 != "-" }),
    "word": word.prefix(1).uppercased() + word.dropFirst(),
    "title": record.title,
    "prose": prose,
    "reads": record.reads.keys.sorted(),
    "hasReads": !record.reads.isEmpty,
    "options": record.options.sorted { $0.key < $1.key }.map {
      ["name": $0.key, "value": $0.value.description]
    },
    "source": Set(record.pictures.compactMap { $0.source.split(separator: "/").first })
      .sorted().first.map { "Sources/\($0)" } ?? "",
    "chapter": word,
    "command": "swift run -c release \(word)",
    "exhibits": exhibits.map { ["name": $0.name, "title": $0.title, "lead": $0.lead] },
    "tensors": record.tensors.map { tensor in
      [
        "name": tensor.name,
        "shape": tensor.shape.map(String.init).joined(separator: " × "),
        "axes": tensor.axes.joined(separator: " × "),
        "least": short(tensor.minimum), "greatest": short(tensor.maximum),
        "mean": short(tensor.mean), "units": tensor.units, "note": tensor.note,
        "file": tensor.file.map { "\(record.stage)/\($0)" } ?? "",
      ]
    },
    "pictures": gallery(folder),
  ]
}

/// The pictures of a stage, small; each leads to the file beside the page.
private func gallery(_ folder: StageFolder) -> [[String: String]] {
  let (pictures, place, stage) = (folder.record.pictures, folder.folder, folder.record.stage)
  return Threads.map(pictures.count) { index -> [String: String]? in
    let picture = pictures[index]
    let file = place.appending(path: picture.file)
    guard let pixels = try? readPicture(file).pixels else { return nil }
    let raster = Raster(pixels)
    let width = min(raster.width, thumbnailWidth)
    let small = raster.resized(
      width: width, height: max(1, raster.height * width / raster.width))
    return [
      "file": "\(stage)/\(picture.file)",
      "caption": picture.caption, "lookFor": picture.lookFor, "source": picture.source,
      "width": String(small.width), "height": String(small.height),
      "jpeg": Data(JPEG.encode(small, quality: 70)).base64EncodedString(),
    ]
  }.compactMap { $0 }
}

/// Pixels across a picture in the gallery.
private let thumbnailWidth = 300

/// A number in at most four digits.
func short(_ value: Float) -> String {
  guard value.isFinite else { return "\(value)" }
  if value == value.rounded(), value.magnitude < 1e7 { return String(Int(value)) }
  return String(format: "%.4g", Double(value))
}
