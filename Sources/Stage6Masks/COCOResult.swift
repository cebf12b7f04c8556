import Annotations
import Foundation
import Tensors
import Stage0Input

/// One detection in COCO's results format.
struct COCOResult: Codable, Sendable, Equatable {
  /// A mask as run lengths.
  struct Segmentation: Codable, Sendable, Equatable {
    /// Height and width of the image.
    var size: [Int]
    /// The runs in COCO's text form.
    var counts: String
  }

  enum CodingKeys: String, CodingKey {
    case image = "image_id"
    case label = "category_id"
    case name = "category_name"
    case score, bbox, segmentation
  }

  var image = 0
  var label: Int
  var name: String
  var score: Float
  /// x, y, width, height.
  var bbox: [Float]
  var segmentation: Segmentation

  init(_ detection: Detection, classNames: [String], threshold: Float, image: ImageSize) {
    label = detection.label
    name = classNames.indices.contains(label) ? classNames[label] : ""
    score = detection.score
    let (box, mask) = (detection.box, detection.mask)
    bbox = [box.x1, box.y1, box.width, box.height]
    let runs = RunLengthEncoding(
      mask.binary(threshold: threshold), in: mask.window, width: image.width,
      height: image.height)
    segmentation = Segmentation(size: [runs.height, runs.width], counts: runs.counts)
  }

  static func encode(_ results: [COCOResult]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(results)) + [0x0a]
  }
}
