// Which classes a detector takes for which.

import Annotations

/// Objects by their true class and the class of their detection.
public struct ConfusionMatrix: Sendable, Equatable {
  /// The classes by ascending number; K of them.
  public let classes: [AnnotatedClass]
  /// `[K + 1, K + 1]`, row-major: rows are true classes, columns detected ones. The last row are
  /// detections without an object, the last column objects without a detection; their common
  /// element is 0.
  public let counts: [Int]

  /// The objects of one class that were detected as another.
  public subscript(truth: Int, detected: Int) -> Int {
    counts[truth * (classes.count + 1) + detected]
  }

  /// Counts the pairs of all images. Results of unknown classes do not count.
  ///
  /// - Parameter errors: made of the images of the data set and of the results, each image once
  public init(_ dataset: AnnotatedDataset, _ results: DetectionResults, _ errors: [ImageErrors]) {
    classes = dataset.classes.sorted { $0.id < $1.id }
    let none = classes.count
    let places = Dictionary(
      classes.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    let images = Dictionary(
      dataset.images.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var counts = [Int](repeating: 0, count: (none + 1) * (none + 1))
    for error in errors {
      guard let objects = images[error.image]?.objects else { continue }
      let found = results.objects[error.image] ?? []
      for pair in error.pairs {
        guard let truth = places[objects[pair.object].label],
          let detected = places[found[pair.detection].label]
        else { continue }
        counts[truth * (none + 1) + detected] += 1
      }
      for object in error.missed {
        if let truth = places[objects[object].label] { counts[truth * (none + 1) + none] += 1 }
      }
      for detection in error.unfounded {
        if let detected = places[found[detection].label] {
          counts[none * (none + 1) + detected] += 1
        }
      }
    }
    self.counts = counts
  }
}
