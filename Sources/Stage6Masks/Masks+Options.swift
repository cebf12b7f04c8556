import Foundation
import Tracing

/// Which pixels belong to a mask, and what the results call the image.
public struct MaskOptions: StageOptions {
  /// A pixel belongs to an object if its probability is greater.
  public var threshold: Float
  /// The image's number in a data set, `image_id` in the results.
  public var imageID: Int

  /// Options.
  public init(threshold: Float, imageID: Int = 0) {
    (self.threshold, self.imageID) = (threshold, imageID)
  }

  /// A probability over 0.5, as in the paper.
  public static var torchvision: MaskOptions { MaskOptions(threshold: 0.5) }

  /// The image's number is recorded where it is not 0.
  public static var declared: [StageOption<MaskOptions>] {
    [
      StageOption(
        "threshold", \.threshold,
        flag: OptionFlag(
          "threshold", in: 0...1,
          help: "A pixel belongs to an object if its probability is greater."
        )),
      StageOption(
        "imageID", \.imageID, unless: 0,
        flag: OptionFlag(
          "image-id", in: 0...4_000_000_000,
          help: """
            The image_id in detections.json. Default: the file's name where it is a number, or 0.
            """)),
    ]
  }

  /// The number that a file's name is, 139 of `000000000139.jpg`; nil where it is none.
  public static func imageID(of file: URL) -> Int? {
    let name = file.deletingPathExtension().lastPathComponent
    guard name.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(name),
      number <= 4_000_000_000
    else { return nil }
    return number
  }
}
