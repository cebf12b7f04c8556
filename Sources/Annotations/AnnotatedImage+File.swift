// The truth about one image, from whichever file holds it.

import Figures
import Foundation
import Tensors

/// The objects of one image, with what the file says around them.
public struct ImageAnnotations: Sendable, Equatable {
  /// The image; `file` is the file of the annotations, which messages are about.
  public var image: AnnotatedImage
  /// The classes by which the objects are named; empty for a label map, whose objects have none and
  /// are numbered 1.
  public var classes: [AnnotatedClass]
  /// What is odd about the image's annotations without making the rest useless.
  public var problems: [Fault]

  /// Makes annotations of their parts.
  public init(_ image: AnnotatedImage, classes: [AnnotatedClass], problems: [Fault] = []) {
    (self.image, self.classes, self.problems) = (image, classes, problems)
    if image.objects.isEmpty {
      self.problems.append(
        Fault(
          image.file, "there are no objects in it: all boxes are background",
          remedy: "Annotate the objects, if the image shows any"))
    }
  }
}

extension ImageAnnotations {
  /// Reads the truth about an image: a label map, or an image of a file in COCO's JSON format.
  ///
  /// - Parameters:
  ///   - name: the image's file name, by which it is looked for in COCO's file
  ///   - id: the image's number there; nil for the image of this name, or the only one
  /// - Throws: `Fault` if the file is neither, is damaged, or does not list the image
  public init(contentsOf file: URL, image name: String, id: Int? = nil) throws {
    let data = try readData(of: file)
    let subject = file.relativePath
    guard !data.isEmpty else {
      throw Fault(subject, "the file is empty", remedy: truthRemedy)
    }
    if PNG.recognises([UInt8](data.prefix(16))) {
      try self.init(labelMap: [UInt8](data), name: subject)
      return
    }
    guard data.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") else {
      throw Fault(
        subject, "this is neither a PNG file nor COCO's JSON", remedy: truthRemedy)
    }
    let dataset = try AnnotatedDataset(json: data, name: subject)
    var image = try dataset.image(named: name, id: id)
    image.file = subject
    let others = Set(
      dataset.images.filter { $0.id != image.id }.flatMap(\.objects).map {
        "\(subject): annotation \($0.id)"
      })
    self.init(
      image, classes: dataset.classes,
      problems: dataset.problems.filter { $0.subject != subject && !others.contains($0.subject) })
  }

  /// The objects of a label map, all of class 1.
  ///
  /// - Parameter bytes: a grey PNG of 8 or 16 bits; 0 is background, every other value one object
  /// - Throws: `Fault` if it is no such file
  public init(labelMap bytes: [UInt8], name: String) throws {
    let map = try LabelMap(bytes, name: name)
    self.init(
      AnnotatedImage(
        id: 1, file: name, width: map.width, height: map.height,
        objects: map.masks.enumerated().map { index, mask in
          TruthObject(id: index + 1, label: 1, mask: mask)
        }), classes: [])
  }
}

extension AnnotatedImage {
  /// Refuses annotations of an image of another size.
  ///
  /// - Throws: `Fault` if the image's columns or rows are not those of the annotations
  public func check(width: Int, height: Int) throws(Fault) {
    guard self.width == width, self.height == height else {
      throw Fault(
        file,
        "the truth is of \(self.width) x \(self.height) image pixels, the image has "
          + "\(width) x \(height)", remedy: "Give the truth about this image")
    }
  }
}

private let truthRemedy = "Give a label map (a grey PNG) or annotations in COCO's JSON format"

extension AnnotatedDataset {
  /// One of the images: that of a number; without one that of a file name, or of the number that
  /// the file name is, or the only one.
  ///
  /// - Throws: `Fault` if there is no such image
  public func image(named file: String, id: Int?) throws(Fault) -> AnnotatedImage {
    func list(_ ids: [Int]) -> String {
      ids.prefix(5).map(String.init).joined(separator: ", ") + (ids.count > 5 ? ", …" : "")
    }
    if let id {
      guard let image = images.first(where: { $0.id == id }) else {
        throw Fault(
          name, "no image has the id \(id)",
          remedy: "Give one of its image ids with --image-id: \(list(images.map(\.id)))")
      }
      return image
    }
    func last(_ path: String) -> String { (path as NSString).lastPathComponent }
    let named = images.filter { last($0.file) == last(file) }
    if named.count == 1 { return named[0] }
    if let number = Int((last(file) as NSString).deletingPathExtension),
      let image = images.first(where: { $0.id == number })
    {
      return image
    }
    guard images.count == 1 else {
      throw Fault(
        name,
        "it lists \(images.count) images, \(named.count) of them called \(last(file).quoted)",
        remedy: "Name one with --image-id, such as \(list(images.map(\.id)))")
    }
    return images[0]
  }
}
