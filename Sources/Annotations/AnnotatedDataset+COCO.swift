// COCO's annotation files. Format: cocodataset.org, "Data format", "Object detection".

import Foundation
import Tensors

/// The largest images that annotations may be about.
private let greatestSide = 30_000

extension AnnotatedDataset {
  /// Reads a file of annotations in COCO's JSON format.
  ///
  /// - Throws: `Fault` as `init(json:name:)`, or if the file cannot be read
  public init(coco file: URL) throws {
    try self.init(json: readData(of: file), name: file.path)
  }

  /// Reads annotations in COCO's JSON format: polygons, run lengths as numbers or compressed,
  /// boxes.
  ///
  /// What makes one annotation unusable leaves it out and is listed in `problems`: an image or
  /// class that is not in the file, a mask of another size, neither box nor mask, a box of negative
  /// sides. What is only odd is listed too: a number used twice or 0, an empty mask or box, a box
  /// outside its image, a class without objects. A missing area is the mask's, or the box's; a
  /// missing box is the mask's.
  ///
  /// - Throws: `Fault` if the text is no such JSON, has no image or class, numbers two images or
  ///   two classes alike, or gives an image no possible size
  public init(json: Data, name: String) throws(Fault) {
    let records = try decodeJSON(json, as: COCORecords.self, name: name)
    var reading = try COCOReading(records, name: name)
    for annotation in records.annotations { reading.add(annotation) }
    reading.finish()
    self.init(
      name: name, classes: reading.classes, images: reading.images, problems: reading.problems)
  }

  /// The data set in COCO's JSON format, masks as compressed run lengths.
  ///
  /// - Throws: `Fault` if a number is not finite
  public func json() throws(Fault) -> Data {
    let records = COCORecords(
      images: images.map {
        ImageRecord(id: $0.id, width: $0.width, height: $0.height, file: $0.file)
      },
      annotations: images.flatMap { image in
        image.objects.map { object in
          AnnotationRecord(
            id: object.id, image: image.id, category: object.label, bbox: object.bounds.numbers,
            segmentation: object.mask.map { SegmentationRecord($0) }, area: object.area,
            isCrowd: object.isCrowd ? 1 : 0)
        }
      },
      categories: classes.map { CategoryRecord(id: $0.id, name: $0.name) })
    return try encodeJSON(records, name: name)
  }
}

/// The JSON text of a value, its keys sorted.
func encodeJSON(_ value: some Encodable, name: String) throws(Fault) -> Data {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  do {
    return try encoder.encode(value)
  } catch {
    throw Fault(name, "a box, area or score is not finite", remedy: "Correct it before writing")
  }
}

extension COCOBox {
  /// `x, y, width, height`
  var numbers: [Double] { [x, y, width, height] }

  /// A box of the four numbers in a file; nil if there are not four, a side is negative, or one is
  /// beyond a billion.
  init?(numbers: [Double]) {
    guard numbers.count == 4, numbers.allSatisfy({ abs($0) <= 1e9 }), numbers[2] >= 0,
      numbers[3] >= 0
    else { return nil }
    self.init(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3])
  }
}

/// Collects a data set from its records.
private struct COCOReading {
  let name: String
  let classes: [AnnotatedClass]
  var images: [AnnotatedImage] = []
  var problems: [Fault] = []
  private var places: [Int: Int] = [:]
  private var usedIDs: Set<Int> = []
  /// Objects per class.
  private var counts: [Int: Int]

  init(_ records: COCORecords, name: String) throws(Fault) {
    self.name = name
    guard !records.images.isEmpty else {
      throw Fault(name, "it lists no images", remedy: "Give a data set with images")
    }
    guard !records.categories.isEmpty else {
      throw Fault(name, "it lists no categories", remedy: "Name the classes in categories")
    }
    counts = [:]
    for category in records.categories {
      guard counts.updateValue(0, forKey: category.id) == nil else {
        throw Fault(
          name, "two categories have the id \(category.id)", remedy: "Give each its own id")
      }
    }
    classes = records.categories.map { AnnotatedClass(id: $0.id, name: $0.name) }
    for image in records.images {
      guard (1...greatestSide).contains(image.width), (1...greatestSide).contains(image.height)
      else {
        throw Fault(
          name, "image \(image.id) has a size of \(image.width) x \(image.height)",
          remedy: "Give sides of 1 to \(greatestSide) pixels")
      }
      guard places.updateValue(images.count, forKey: image.id) == nil else {
        throw Fault(name, "two images have the id \(image.id)", remedy: "Give each its own id")
      }
      images.append(
        AnnotatedImage(
          id: image.id, file: image.file ?? "", width: image.width, height: image.height,
          objects: []))
    }
  }

  private mutating func note(_ subject: String, _ problem: String, remedy: String) {
    problems.append(Fault("\(name): \(subject)", problem, remedy: remedy))
  }

  /// Adds an annotation to its image, or notes why not.
  mutating func add(_ record: AnnotationRecord) {
    let subject = "annotation \(record.id)"
    if !usedIDs.insert(record.id).inserted {
      note(subject, "its id is used twice", remedy: "Number the annotations from 1")
    } else if record.id == 0 {
      note(
        subject, "pycocotools counts the detection of an annotation with the id 0 as false",
        remedy: "Number the annotations from 1")
    }
    guard let place = places[record.image] else {
      note(
        subject, "it is left out, because no image has the id \(record.image)",
        remedy: "Add the image or remove the annotation")
      return
    }
    guard counts[record.category] != nil else {
      note(
        subject, "it is left out, because no category has the id \(record.category)",
        remedy: "Add the category or remove the annotation")
      return
    }
    guard let object = object(record, in: images[place], subject) else { return }
    counts[record.category, default: 0] += 1
    images[place].objects.append(object)
  }

  private mutating func object(
    _ record: AnnotationRecord, in image: AnnotatedImage, _ subject: String
  ) -> TruthObject? {
    var mask: RunLengthEncoding?
    if let segmentation = record.segmentation {
      do {
        let reading = try segmentation.mask(
          width: image.width, height: image.height, name: "\(name): \(subject)")
        mask = reading.mask
        if reading.badPolygons > 0 {
          note(
            subject, "\(reading.badPolygons) of its polygons have no three corners in reach",
            remedy: "Draw them again; they are left out")
        } else if reading.mask.area == 0 {
          note(subject, "its mask is empty", remedy: "Draw it again or remove the annotation")
        }
      } catch {
        problems.append(error)
        return nil
      }
    }
    let bounds: COCOBox
    if let numbers = record.bbox {
      guard let box = COCOBox(numbers: numbers) else {
        note(
          subject, "it is left out, because its bbox is no x, y, width, height of a box",
          remedy: "Correct the box")
        return nil
      }
      bounds = box
    } else if let mask {
      bounds = COCOBox(mask.window)
    } else {
      note(
        subject, "it is left out, because it has neither bbox nor segmentation",
        remedy: "Give it one")
      return nil
    }
    if bounds.width == 0 || bounds.height == 0 {
      note(subject, "its box is empty", remedy: "Correct the box or remove the annotation")
    } else if bounds.x >= Double(image.width) || bounds.y >= Double(image.height)
      || bounds.x + bounds.width <= 0 || bounds.y + bounds.height <= 0
    {
      note(subject, "its box lies outside its image", remedy: "Correct the box")
    }
    return TruthObject(
      id: record.id, label: record.category, bounds: bounds, mask: mask,
      isCrowd: record.isCrowd ?? 0 != 0,
      area: record.area ?? mask.map { Double($0.area) } ?? bounds.area)
  }

  /// Notes what shows only in the whole.
  mutating func finish() {
    guard counts.values.contains(where: { $0 > 0 }) else {
      problems.append(Fault(name, "it has no usable annotations", remedy: "Annotate objects"))
      return
    }
    for known in classes where counts[known.id] == 0 {
      problems.append(
        Fault(
          name, "no annotation is of the category \(known.id), \(known.name.quoted)",
          remedy: "Annotate such objects or remove the category"))
    }
  }
}
