import Annotations
import Foundation
import Tensors

/// The annotated images of a data set as samples.
public struct DatasetSource: SampleSource {
  /// Names of the classes, background first, then in the order of the data set.
  public let classNames: [String]
  /// The numbers of the classes in the data set, and for the background one that no class has.
  public let categoryIDs: [Int]
  private let images: ImageFolder
  /// The images that are learned from: those with an object.
  private let places: [Int]
  private let classes: [Int: Int]

  /// Takes the images in a folder.
  public init(_ images: ImageFolder) {
    self.images = images
    let known = images.dataset.classes
    classNames = ["__background__"] + known.map(\.name)
    // The background needs a number that no class has.
    let unused = known.contains { $0.id == 0 } ? (known.map(\.id).min() ?? 0) - 1 : 0
    categoryIDs = [unused] + known.map(\.id)
    classes = Dictionary(
      known.enumerated().map { ($1.id, $0 + 1) }, uniquingKeysWith: { first, _ in first })
    let all = images.dataset.images
    places = all.indices.filter { all[$0].objects.contains(where: DatasetSource.isUsable) }
  }

  /// How many images have an object.
  public var count: Int? { places.count }

  /// An image with its objects.
  ///
  /// - Throws: `Fault` if it cannot be read or is not of its annotations' size
  public func sample(_ index: Int) throws -> TrainingSample {
    let annotated = images.dataset.images[places[index]]
    return try TrainingSample(
      annotated, pixels: images.pixels(annotated), name: annotated.file, classes: classes)
  }

  private static func isUsable(_ object: TruthObject) -> Bool {
    !object.isCrowd && object.mask.map { $0.area > 0 } ?? false
  }

  /// What is wrong with the data, and whether they can be learned from all the same.
  ///
  /// The list has what reading the annotations found (an id used twice, a class that never occurs,
  /// an empty mask, a box outside its image), and what only training needs: every image, and a mask
  /// for every object. With a missing image, an object without a mask, or without any object,
  /// training cannot begin.
  public var problems: (faults: [Fault], stop: Bool) {
    let dataset = images.dataset
    let missing = images.missing.map {
      Fault(
        $0.file, "there is no such image", remedy: "Add it, or remove it from \(dataset.name)")
    }
    var maskless: [Fault] = []
    for image in dataset.images {
      for object in image.objects where object.mask == nil && !object.isCrowd {
        maskless.append(
          Fault(
            "\(dataset.name): annotation \(object.id)", "it has a box and no mask",
            remedy: "Give every object a polygon or run lengths"))
      }
    }
    var faults = dataset.problems + missing + maskless
    if places.isEmpty {
      faults.append(
        Fault(
          dataset.name, "no image has an object with a mask", remedy: "Annotate objects to learn"))
    }
    return (faults, places.isEmpty || !missing.isEmpty || !maskless.isEmpty)
  }
}
