// COCO's JSON, field by field. What the fields mean together is checked where they are read.

import Foundation
import Tensors

/// A file of annotations.
struct COCORecords: Codable {
  var images: [ImageRecord]
  var annotations: [AnnotationRecord]
  var categories: [CategoryRecord]
}

struct ImageRecord: Codable {
  var id: Int
  var width: Int
  var height: Int
  var file: String?

  enum CodingKeys: String, CodingKey {
    case id, width, height
    case file = "file_name"
  }
}

struct CategoryRecord: Codable {
  var id: Int
  var name: String
}

struct AnnotationRecord: Codable {
  var id: Int
  var image: Int
  var category: Int
  var bbox: [Double]?
  var segmentation: SegmentationRecord?
  var area: Double?
  var isCrowd: Int?

  enum CodingKeys: String, CodingKey {
    case id, bbox, segmentation, area
    case image = "image_id"
    case category = "category_id"
    case isCrowd = "iscrowd"
  }
}

/// One element of a results file.
struct ResultRecord: Codable {
  var image: Int
  var category: Int
  var score: Double
  var bbox: [Double]?
  var segmentation: SegmentationRecord?

  enum CodingKeys: String, CodingKey {
    case score, bbox, segmentation
    case image = "image_id"
    case category = "category_id"
  }
}

/// The three forms in which COCO's files hold a mask.
enum SegmentationRecord: Codable {
  /// Polygons whose union is the mask, each `x0 y0 x1 y1 …`.
  case polygons([[Double]])
  /// Run lengths as numbers; the size is height and width.
  case runs([Int], size: [Int])
  /// Run lengths in the compressed form.
  case text(String, size: [Int])

  enum CodingKeys: String, CodingKey { case counts, size }

  init(from decoder: any Decoder) throws {
    guard let fields = try? decoder.container(keyedBy: CodingKeys.self) else {
      self = .polygons(try decoder.singleValueContainer().decode([[Double]].self))
      return
    }
    let size = try fields.decode([Int].self, forKey: .size)
    if let text = try? fields.decode(String.self, forKey: .counts) {
      self = .text(text, size: size)
    } else {
      self = .runs(try fields.decode([Int].self, forKey: .counts), size: size)
    }
  }

  func encode(to encoder: any Encoder) throws {
    switch self {
    case .polygons(let polygons):
      var list = encoder.singleValueContainer()
      try list.encode(polygons)
    case .runs(let runs, let size):
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encode(runs, forKey: .counts)
      try fields.encode(size, forKey: .size)
    case .text(let text, let size):
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encode(text, forKey: .counts)
      try fields.encode(size, forKey: .size)
    }
  }

  /// The compressed form of a mask.
  init(_ mask: RunLengthEncoding) {
    self = .text(mask.counts, size: [mask.height, mask.width])
  }

  /// What reading a mask left out.
  struct Reading {
    var mask: RunLengthEncoding
    /// Polygons that enclose nothing.
    var badPolygons = 0
  }

  /// The mask, at the size of its image.
  ///
  /// - Throws: `Fault` about `name` if runs are damaged or of another size
  func mask(width: Int, height: Int, name: String) throws(Fault) -> Reading {
    switch self {
    case .polygons(let lists):
      var reading = Reading(mask: RunLengthEncoding(filled: false, width: width, height: height))
      for list in lists {
        guard let polygon = Polygon(list) else {
          reading.badPolygons += 1
          continue
        }
        let part = RunLengthEncoding(polygon, width: width, height: height)
        reading.mask = lists.count == 1 ? part : reading.mask.union(part)
      }
      return reading
    case .runs(let runs, let size):
      try Self.check(size, width, height, name)
      return Reading(
        mask: try RunLengthEncoding(runs: runs, width: width, height: height, name: name))
    case .text(let text, let size):
      try Self.check(size, width, height, name)
      return Reading(
        mask: try RunLengthEncoding(counts: text, width: width, height: height, name: name))
    }
  }

  private static func check(
    _ size: [Int], _ width: Int, _ height: Int, _ name: String
  ) throws(Fault) {
    guard size != [height, width] else { return }
    let given = size.map(String.init).joined(separator: ", ")
    throw Fault(
      name, "the size of its mask is [\(given)], while its image has [\(height), \(width)]",
      remedy: "Encode the mask at the size of the image, height first")
  }
}

/// The value that a JSON text holds.
///
/// - Throws: `Fault` about `name` with the place in the text and what is wrong there
func decodeJSON<Value: Decodable>(_ json: Data, as type: Value.Type, name: String) throws(Fault)
  -> Value
{
  do {
    return try JSONDecoder().decode(type, from: json)
  } catch let error as DecodingError {
    throw Fault(
      name, words(for: error),
      remedy: "Give COCO's JSON: images, annotations and categories, or a list of results")
  } catch {
    throw Fault(name, "this is not JSON", remedy: "Give a file in COCO's JSON format")
  }
}

private func words(for error: DecodingError) -> String {
  func place(_ path: [any CodingKey]) -> String {
    let place = path.reduce(into: "") { text, key in
      text += key.intValue.map { "[\($0)]" } ?? (text.isEmpty ? "" : ".") + key.stringValue
    }
    return place.isEmpty ? "the file" : place.quoted
  }
  switch error {
  case .keyNotFound(let key, let context):
    return "\(place(context.codingPath)) has no \(key.stringValue.quoted)"
  case .valueNotFound(_, let context):
    return "\(place(context.codingPath)) is null"
  case .typeMismatch(let type, let context):
    return "\(place(context.codingPath)) is no \(noun(type))"
  case .dataCorrupted(let context):
    return context.codingPath.isEmpty
      ? "this is not JSON, or a number in it is out of range"
      : "\(place(context.codingPath)) is a number out of range"
  @unknown default:
    return "this is not JSON"
  }
}

private func noun(_ type: any Any.Type) -> String {
  switch type {
  case is Int.Type: "whole number"
  case is Double.Type: "number"
  case is String.Type: "text"
  case is [String: Any].Type: "object"
  default: "list"
  }
}
