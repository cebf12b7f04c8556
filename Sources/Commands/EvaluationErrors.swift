import Annotations
import Evaluation
import Figures
import Foundation
import Tensors
import Tracing

/// What `evaluate --errors` writes: the worst images, which class is taken for which, and how
/// average precision comes about, detection by detection.
struct EvaluationErrors {
  private let dataset: AnnotatedDataset
  private let results: DetectionResults
  private let settings: EvaluationSettings
  private let pixels: (AnnotatedImage) throws -> Tensor?

  /// Up to so many images are drawn.
  private static let worst = 9

  init(
    _ dataset: AnnotatedDataset, _ results: DetectionResults, _ settings: EvaluationSettings,
    _ pixels: @escaping (AnnotatedImage) throws -> Tensor?
  ) {
    (self.dataset, self.results, self.settings) = (dataset, results, settings)
    self.pixels = pixels
  }

  /// Writes `worst-images.png`, `confusion.png`, `images.csv` and `detections.csv`.
  ///
  /// - Throws: `Fault` if the folder cannot be written to
  func write(to folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw Fault(
        folder.relativePath, "the folder cannot be made",
        remedy: "Name another folder with --errors")
    }
    let all = dataset.images.map { image in
      let found = results.objects[image.id] ?? []
      return (image, found, ImageErrors(image, found, kind: settings.kind))
    }
    let worst = all.filter { $0.2.count > 0 }.sorted { $0.2.count > $1.2.count }.prefix(Self.worst)
    let items = try worst.map { image, found, errors in
      WorstImages.Item(image, found, errors, pixels: try pixels(image))
    }
    try writeWhole(
      WorstImages(items, classes: dataset.classes).figure.png(),
      to: folder.appending(path: "worst-images.png"))
    try writeWhole(
      ConfusionMatrix(dataset, results, all.map(\.2)).figure.png(),
      to: folder.appending(path: "confusion.png"))
    try write(
      ["image,file,missed,false,confused,badly_masked"]
        + all.map { image, _, errors in
          ([String(image.id), quotedCSV(image.file)]
            + [
              errors.missed.count, errors.unfounded.count, errors.confused.count,
              errors.badlyMasked().count,
            ].map(String.init)).joined(separator: ",")
        }, to: folder.appending(path: "images.csv"))
    try write(
      ["class,image,score,highest_iou,true_positive,precision,recall"]
        + dataset.classes.flatMap { known in
          try rankedDetections(dataset, results, settings, label: known.id).map { row in
            [
              quotedCSV(known.name), String(row.image), Numerals.decimals(row.score, 6),
              Numerals.decimals(row.overlap, 4), row.isTrue ? "1" : "0",
              Numerals.decimals(row.precision, 4), Numerals.decimals(row.recall, 4),
            ].joined(separator: ",")
          }
        }, to: folder.appending(path: "detections.csv"))
  }

  private func write(_ lines: [String], to file: URL) throws {
    try writeWhole(Array((lines.joined(separator: "\n") + "\n").utf8), to: file)
  }
}
