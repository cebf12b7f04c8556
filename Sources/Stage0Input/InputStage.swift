import Foundation
import Kernels
import Model
import Figures
import Tensors
import Tracing

/// Stage 0 in a trace: an image file to the network's input.
public struct InputStage: Stage {
  /// The folder in a trace.
  public static let name = "0-input"
  /// What the stage computes.
  public static let title = "An image, decoded, normalised, resized and padded."

  /// The image's file.
  public var file: URL
  /// How it becomes the network's input.
  public var options: InputOptions

  /// Makes the stage with a model's settings.
  public init(file: URL, settings: ModelSettings = ModelSettings()) {
    self.file = file
    options = InputOptions(settings)
  }

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] { ["padToMultipleOf": .integer(inputMultiple)] }

  /// Reads the image; writes `image`, `normalised`, `resized`, `padded`, `sizes`.
  public func run(_ folder: StageWriter) throws {
    let image = try readImage(file).pixels  // [3, H0, W0]
    let original = ImageSize(height: image.shape[1], width: image.shape[2])
    let (mean, standardDeviation) = (options.mean, options.standardDeviation)
    let size = options.resize.size(for: original)
    guard InputSizes.areSensible(size) else {
      throw Fault(
        file.path,
        "resized by \(options.resize), the image would have \(size) pixels, more than "
          + "\(InputSizes.mostPixels / 1_000_000) million", remedy: "Resize it to less")
    }
    let colours = normalised(
      options.channelOrder.exchanged(image), mean: mean, standardDeviation: standardDeviation)
    let resized = resizeBilinear(colours, rows: size.height, columns: size.width)  // [3, H, W]
    let input = padded([resized], toMultipleOf: inputMultiple)  // [1, 3, Hp, Wp]

    let channels = ["C", "H", "W"]
    try folder.add(
      "image", image, axes: channels, units: "intensity",
      note: "red, green, blue as decoded, 0...1")
    try folder.add(
      "normalised", colours, axes: channels, units: "standard deviation",
      note: "(image - mean) / standard deviation; "
        + options.channelOrder.names.joined(separator: ", "))
    try folder.add(
      "resized", resized, axes: channels, units: "standard deviation",
      note: "normalised, resized bilinearly")
    try folder.add(
      "padded", input, axes: ["N"] + channels, units: "standard deviation",
      note: "resized, zeros right and below to a multiple of \(inputMultiple)")
    let sizes = [
      original.height, original.width, size.height, size.width, input.shape[2], input.shape[3],
    ]
    try folder.add(
      "sizes", integers: sizes, shape: [3, 2], kind: .quantity,
      axes: ["original resized padded", "height width"], units: "pixels",
      note: "the image's size as decoded, in image pixels; resized and padded, in input pixels")
    guard folder.drawsFigures else { return }
    try folder.add(
      InputDrawing(
        image: image, resized: resized, padded: input, mean: mean,
        standardDeviation: standardDeviation, channelOrder: options.channelOrder
      ).figures)
  }
}

extension InputStage {
  /// Both sizes of the image.
  public static func outcome(_ folder: StageFolder) -> String {
    "image \(folder.shape("image")) to input \(folder.shape("padded"))"
  }
}

extension InputSizes {
  /// Reads the sizes from stage 0's folder.
  ///
  /// - Throws: `Fault` if they are missing or damaged.
  public init(_ folder: StageFolder) throws {
    let values = try folder.integers("sizes")
    let sizes = stride(from: 0, to: values.count - 1, by: 2).map {
      ImageSize(height: values[$0], width: values[$0 + 1])
    }
    guard values.count == 6, sizes.allSatisfy(InputSizes.areSensible),
      sizes[1].height <= sizes[2].height, sizes[1].width <= sizes[2].width,
      sizes[2].height % inputMultiple == 0, sizes[2].width % inputMultiple == 0
    else {
      throw Fault(
        folder.folder.path, "the sizes \(values) are not those of an image, resized and padded",
        remedy: StageFolder.runAgain)
    }
    self.init(original: sizes[0], resized: sizes[1], padded: sizes[2])
  }
}

extension StageFolder {
  /// Boxes that a stage left, each inside the resized image.
  ///
  /// - Throws: `Fault` if they are missing, or one is not a number or lies outside.
  public func boxes(_ name: String, inside size: ImageSize) throws -> [Box] {
    let boxes = try boxes(name)
    let (columns, rows) = (0...Float(size.width), 0...Float(size.height))
    let areInside = boxes.allSatisfy { box in
      columns.contains(box.x1) && columns.contains(box.x2) && rows.contains(box.y1)
        && rows.contains(box.y2) && box.x1 <= box.x2 && box.y1 <= box.y2
    }
    guard areInside else {
      throw Fault(
        folder.path, "a box of \(name) is not a box inside the image of \(size) pixels",
        remedy: StageFolder.runAgain)
    }
    return boxes
  }
}
