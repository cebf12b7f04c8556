import Annotations
import Foundation
import Tensors
import Stage0Input

/// One detection in COCO's results format.
public struct COCOResult: Codable, Sendable, Equatable {
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

  /// The image's number in a data set.
  var image: Int
  /// The class's number in a data set.
  var label: Int
  var name: String
  var score: Float
  /// x, y, width, height.
  var bbox: [Float]
  var segmentation: Segmentation

  /// Makes a result of a detection.
  ///
  /// - Parameters:
  ///   - imageID: the image's number
  ///   - classNames: a name per class, background first
  ///   - categoryIDs: a number per class; empty where it is the class itself
  ///   - threshold: pixels with a probability over it belong to the mask
  ///   - image: the size of the image as decoded
  public init(
    _ detection: Detection, imageID: Int, classNames: [String], categoryIDs: [Int],
    threshold: Float, image: ImageSize
  ) {
    let index = detection.label
    self.image = imageID
    label = categoryIDs.indices.contains(index) ? categoryIDs[index] : index
    name = classNames.indices.contains(index) ? classNames[index] : ""
    score = detection.score
    let (box, mask) = (detection.box, detection.mask)
    bbox = [box.x1, box.y1, box.width, box.height]
    let runs = RunLengthEncoding(
      mask.binary(threshold: threshold), in: mask.window, width: image.width,
      height: image.height)
    segmentation = Segmentation(size: [runs.height, runs.width], counts: runs.counts)
  }

  /// Results as a JSON file.
  public static func encode(_ results: [COCOResult]) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return [UInt8](try encoder.encode(results)) + [0x0a]
  }
}
