import Annotations
import Foundation
import Stage0Input
import Stage7Targets
import Tensors
import Tracing
import WeightFiles

/// The truth about a trace's image, read when a stage first needs it.
final class LoadedTruth {
  private let trace: Trace
  private let given: GivenTruth
  private let isRecorded: Bool
  private var known: (file: URL, checksum: String, annotations: ImageAnnotations)?

  /// - Parameter isRecorded: whether the trace notes where the truth is stored
  init(_ trace: Trace, _ given: GivenTruth, isRecorded: Bool = true) {
    (self.trace, self.given, self.isRecorded) = (trace, given, isRecorded)
  }

  /// Whether the command line says where the truth is stored.
  var isNamedByUser: Bool { given.file != nil }

  /// Where the truth about an image is stored: what the command line says, or the trace, or the
  /// bundled one; nil where nobody told.
  private func place(of image: URL) -> (file: URL, imageID: Int?, label: String?)? {
    let isOwn = trace.image?.standardizedFileURL.path == image.standardizedFileURL.path
    let recorded = isOwn && given.file == nil ? trace.truth : nil
    guard let file = given.file ?? recorded?.file ?? Bundled.truth(of: image) else { return nil }
    return (file, given.imageID ?? recorded?.imageID, given.label ?? recorded?.label)
  }

  /// Whether the truth about an image is known.
  func isKnown(of image: URL) -> Bool { place(of: image) != nil }

  /// What is odd about the truth, if it was read.
  var problems: [Fault] { known?.annotations.problems ?? [] }

  /// What the file says about an image.
  ///
  /// - Throws: `Fault` if the file cannot be used, or nobody told which it is.
  func annotations(of image: URL) throws -> ImageAnnotations {
    guard let place = place(of: image) else {
      throw Fault(
        image.relativePath, "nothing says which objects there are in the image",
        remedy: "Name a label map or a COCO file with --truth")
    }
    if let known, known.file == place.file { return known.annotations }
    let file =
      try given.file
      ?? Bundled.located(
        place.file, checksum: trace.record.truth?.checksum, "the true objects",
        remedy: "Give that file with --truth")
    let annotations = try ImageAnnotations(
      contentsOf: file, image: image.lastPathComponent, id: place.imageID)
    known = (place.file, Checksum.crc32(try readBytes(of: file)), annotations)
    return annotations
  }

  /// The truth about an image for the stages of learning.
  ///
  /// - Throws: `Fault` if it cannot be used.
  func get(of image: URL, _ model: LoadedModel) throws -> LabelledImage {
    let annotations = try annotations(of: image)
    let settings = try model.get().settings
    guard let known, let place = place(of: image) else {
      preconditionFailure("it was read just now")
    }
    let labelled = try annotations.labelled(
      by: settings, label: place.label.map { word throws(Fault) in try settings.label(word) })
    // The bundled truth is found by the image.
    if isRecorded, place.file != Bundled.truth(of: image) || place.label != nil {
      trace.setTruth(
        place.file, imageID: place.imageID, label: place.label, checksum: known.checksum)
    }
    return LabelledImage(
      labelled, file: known.file.lastPathComponent, checksum: known.checksum)
  }

  /// The objects' pixels in the trace's image; nil where the truth is not known, or has no object
  /// with a mask.
  ///
  /// - Throws: `Fault` if the truth cannot be used.
  func regions() throws -> [MaskRegion]? {
    guard trace.has(InputStage.name), let image = trace.image, isKnown(of: image) else {
      return nil
    }
    let annotated = try annotations(of: image).image
    let size = try InputSizes(trace.current(InputStage.name)).original
    try annotated.check(width: size.width, height: size.height)
    let regions = annotated.objects.filter { !$0.isCrowd }.compactMap { $0.mask?.region }
    return regions.isEmpty ? nil : regions
  }

  /// Where the truth of the trace's image is stored.
  var file: URL? { trace.image.flatMap(place)?.file }
}

extension Bundled {
  /// The true objects of a bundled image, if an image is one or a copy of one.
  static func truth(of file: URL) -> URL? {
    let known = [(image, labels), (shapes, shapesTruth)]
    return known.first {
      FileManager.default.contentsEqual(atPath: file.path, andPath: $0.0.path)
    }?.1
  }
}
