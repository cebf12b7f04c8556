import Annotations
import Model
import Tensors

// Which of a model's classes the objects of an annotated image have.

/// The truth about an image, its objects' classes as a model numbers them, and which file it is
/// from.
public struct LabelledImage: Sendable, Equatable {
  /// The objects.
  public var image: AnnotatedImage
  /// The file's name without its folders.
  public var file: String
  /// CRC-32 of the file.
  public var checksum: String

  /// Makes a truth of its parts.
  public init(_ image: AnnotatedImage, file: String, checksum: String) {
    (self.image, self.file, self.checksum) = (image, file, checksum)
  }
}

extension ModelSettings {
  /// The class that a command line names, by its number or its name.
  ///
  /// - Throws: `Fault` if the model has no such class, or it is the background
  public func label(_ word: String) throws(Fault) -> Int {
    let found = Int(word) ?? classNames.firstIndex(of: word) ?? 0
    guard found > 0, found < classNames.count else {
      throw Fault(
        "--label", "the model has no class \(word) of objects",
        remedy: "Give a number from 1 to \(classNames.count - 1) or a name: \(listedClassNames)")
    }
    return found
  }

  fileprivate var listedClassNames: String {
    let names = classNames.dropFirst()
    return names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
  }

  /// The class that annotations call by a number: the place in `categoryIDs`, or the number itself
  /// where there are none.
  fileprivate func label(ofCategory id: Int) -> Int? {
    let label = categoryIDs.isEmpty ? id : categoryIDs.firstIndex(of: id) ?? 0
    return label > 0 && label < classNames.count ? label : nil
  }
}

extension ImageAnnotations {
  /// The image with each object's class as the model numbers it.
  ///
  /// - Parameter label: the class of all objects; nil for that of their annotations, which in a
  ///   label map is 1
  /// - Throws: `Fault` if an object has a class that the model does not know
  public func labelled(by settings: ModelSettings, label: Int?) throws(Fault) -> AnnotatedImage {
    var image = image
    for index in image.objects.indices {
      let category = image.objects[index].label
      // A label map's objects have no category.
      guard let known = label ?? (classes.isEmpty ? category : settings.label(ofCategory: category))
      else {
        let name = classes.first { $0.id == category }.map { ", \($0.name.quoted)," } ?? ""
        throw Fault(
          image.file,
          "annotation \(image.objects[index].id) has the category \(category)\(name) which is no "
            + "class of the model",
          remedy: "Give all objects one of its classes with --label, such as "
            + settings.listedClassNames)
      }
      image.objects[index].label = known
    }
    return image
  }
}
