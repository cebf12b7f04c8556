// Results files. Format: cocodataset.org, "Results format", "Object detection".

import Foundation
import Tensors

/// One object that a network found in an image, as a results file gives it.
public struct ResultObject: Sendable, Equatable {
  /// The number of its class in the data set.
  public var label: Int
  /// How certain the network is; any finite number.
  public var score: Double
  /// The box.
  public var bounds: COCOBox
  /// The pixels; nil in results of boxes alone.
  public var mask: RunLengthEncoding?
  /// The area in pixels that decides whether a detection without a match counts as small, medium or
  /// large: of the box where the results give boxes, otherwise of the mask, as in pycocotools.
  public var area: Double

  /// Makes a result from its parts.
  public init(
    label: Int, score: Double, bounds: COCOBox, mask: RunLengthEncoding?, area: Double
  ) {
    self.label = label
    self.score = score
    self.bounds = bounds
    self.mask = mask
    self.area = area
  }
}

/// What a network found in the images of a data set.
public struct DetectionResults: Sendable, Equatable {
  /// What messages call it: its file.
  public var name: String
  /// The objects by the image's number, in the order of their file.
  public var objects: [Int: [ResultObject]]
  /// Whether the results have masks of their own; a results file of boxes has none.
  public var haveMasks: Bool
  /// What is odd without making the rest useless.
  public var problems: [Fault]

  /// Makes results.
  public init(
    name: String, objects: [Int: [ResultObject]], haveMasks: Bool, problems: [Fault] = []
  ) {
    self.name = name
    self.objects = objects
    self.haveMasks = haveMasks
    self.problems = problems
  }

  /// Reads a results file in COCO's JSON format about the images of a data set.
  ///
  /// - Throws: `Fault` as `init(json:name:for:)`, or if the file cannot be read
  public init(coco file: URL, for dataset: AnnotatedDataset) throws {
    try self.init(json: readData(of: file), name: file.path, for: dataset)
  }

  /// Reads results in COCO's JSON format. A result without a mask has its box as mask, one without
  /// a box has its mask's. Results of a class that the data set does not have are left out and
  /// listed in `problems`.
  ///
  /// - Throws: `Fault` if the text is no such JSON, a result is about an image that the data set
  ///   does not have, has neither box nor mask, or a mask of another size than its image
  public init(json: Data, name: String, for dataset: AnnotatedDataset) throws(Fault) {
    let records = try decodeJSON(json, as: [ResultRecord].self, name: name)
    let sizes = Dictionary(
      dataset.images.map { ($0.id, ($0.width, $0.height)) }, uniquingKeysWith: { first, _ in first }
    )
    let labels = Set(dataset.classes.map(\.id))
    var unknown: [Int: Int] = [:]
    var objects: [Int: [ResultObject]] = [:]
    for (index, record) in records.enumerated() {
      let subject = "\(name): result \(index)"
      guard let (width, height) = sizes[record.image] else {
        throw Fault(
          subject, "the data set has no image with the id \(record.image)",
          remedy: "Give the results of this data set, \(dataset.name)")
      }
      guard labels.contains(record.category) else {
        unknown[record.category, default: 0] += 1
        continue
      }
      objects[record.image, default: []].append(
        try ResultObject(record, width: width, height: height, name: subject))
    }
    let problems = unknown.sorted { $0.key < $1.key }.map { label, count in
      Fault(
        name, "\(count) results are left out, because no category has the id \(label)",
        remedy: "Number the classes as the data set does")
    }
    self.init(
      name: name, objects: objects, haveMasks: records.contains { $0.segmentation != nil },
      problems: problems)
  }

  /// The results in COCO's JSON format, by ascending number of the image, masks as compressed run
  /// lengths.
  ///
  /// - Throws: `Fault` if a number is not finite
  public func json() throws(Fault) -> Data {
    let records = objects.sorted { $0.key < $1.key }.flatMap { image, found in
      found.map { object in
        ResultRecord(
          image: image, category: object.label, score: object.score, bbox: object.bounds.numbers,
          segmentation: haveMasks ? object.mask.map { SegmentationRecord($0) } : nil)
      }
    }
    return try encodeJSON(records, name: name)
  }
}

extension ResultObject {
  fileprivate init(
    _ record: ResultRecord, width: Int, height: Int, name: String
  ) throws(Fault) {
    let given = record.bbox.map { COCOBox(numbers: $0) }
    if given == .some(nil) {
      throw Fault(
        name, "its bbox is no x, y, width, height of a box", remedy: "Write the results again")
    }
    let box = given ?? nil
    let mask: RunLengthEncoding
    if let segmentation = record.segmentation {
      mask = try segmentation.mask(width: width, height: height, name: name).mask
    } else if let box {
      mask =
        Polygon(box).map { RunLengthEncoding($0, width: width, height: height) }
        ?? RunLengthEncoding(filled: false, width: width, height: height)
    } else {
      throw Fault(
        name, "it has neither bbox nor segmentation", remedy: "Write the results again")
    }
    let bounds = box ?? COCOBox(mask.window)
    self.init(
      label: record.category, score: record.score, bounds: bounds, mask: mask,
      area: box?.area ?? Double(mask.area))
  }
}
