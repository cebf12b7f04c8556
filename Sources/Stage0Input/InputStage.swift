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
  /// How it is resized.
  public var resize: ModelSettings.Resize
  /// Subtracted from the channels, in their order.
  public var mean: [Float]
  /// What the channels are divided by, in their order.
  public var standardDeviation: [Float]
  /// In which order the weights expect the colours.
  public var channelOrder = ChannelOrder.rgb

  /// Makes the stage with a model's settings.
  public init(file: URL, settings: ModelSettings = ModelSettings()) {
    self.file = file
    resize = settings.resize
    mean = settings.mean
    standardDeviation = settings.standardDeviation
  }

  /// What `stage.json` records of the options; the order of channels where it is not RGB.
  public static var recordedOptions: [RecordedOption<Self>] {
    [
      RecordedOption("resize", \.resize),
      RecordedOption("mean", \.mean) { $0.count == 3 },
      RecordedOption("standardDeviation", \.standardDeviation) { $0.count == 3 },
      RecordedOption("channelOrder", \.channelOrder, unless: .rgb),
    ]
  }

  /// What `stage.json` records beside.
  public var recordedFacts: [String: OptionValue] { ["padToMultipleOf": .integer(Self.padding)] }

  /// The padded input's sides are multiples of this: the coarsest level read by RoIs, P5, has stride
  /// 32.
  public static let padding = 32

  /// Reads the image; writes `image`, `normalised`, `resized`, `padded`, `sizes`.
  public func run(_ folder: StageWriter) throws {
    let image = try readImage(file).pixels  // [3, H0, W0]
    let original = ImageSize(height: image.shape[1], width: image.shape[2])
    let size = resize.size(for: original)
    guard InputSizes.areSensible(size) else {
      throw Fault(
        file.path,
        "resized by \(resize), the image would have \(size) pixels, more than "
          + "\(InputSizes.mostPixels / 1_000_000) million", remedy: "Resize it to less")
    }
    let colours = normalised(
      channelOrder.exchanged(image), mean: mean, standardDeviation: standardDeviation)
    let resized = resizeBilinear(colours, rows: size.height, columns: size.width)  // [3, H, W]
    let input = padded(resized, toMultipleOf: Self.padding)  // [1, 3, Hp, Wp]

    let channels = ["C", "H", "W"]
    try folder.add(
      "image", image, axes: channels, units: "intensity",
      note: "red, green, blue as decoded, 0...1")
    try folder.add(
      "normalised", colours, axes: channels, units: "standard deviation",
      note: "(image - mean) / standard deviation; "
        + channelOrder.names.joined(separator: ", "))
    try folder.add(
      "resized", resized, axes: channels, units: "standard deviation",
      note: "normalised, resized bilinearly")
    try folder.add(
      "padded", input, axes: ["N"] + channels, units: "standard deviation",
      note: "resized, zeros right and below to a multiple of \(Self.padding)")
    let sizes = [
      original.height, original.width, size.height, size.width, input.shape[2], input.shape[3],
    ]
    try folder.add(
      "sizes", integers: sizes, shape: [3, 2], axes: ["original resized padded", "height width"],
      units: "pixel", note: "the image's size as decoded, resized and padded")
    guard folder.drawsFigures else { return }
    try folder.add(
      InputDrawing(
        image: image, resized: resized, padded: input, mean: mean,
        standardDeviation: standardDeviation, channelOrder: channelOrder
      ).figures)
  }
}

extension ChannelOrder: OptionConvertible {}

extension ModelSettings.Resize: LosslessStringConvertible, OptionConvertible {
  /// Its description.
  public var optionValue: OptionValue { .text(description) }

  /// Reads what `optionValue` gave.
  public init?(_ optionValue: OptionValue) {
    guard case .text(let words) = optionValue else { return nil }
    self.init(words)
  }

  /// Reads what `description` wrote.
  public init?(_ description: String) {
    let words = description.split { " ,".contains($0) }
    if words.count == 2, words[0] == "factor", let factor = Double(words[1]) {
      self = .factor(factor)
    } else if words.count == 7, description.hasPrefix("shorter side"),
      let shorter = Int(words[2]), let longer = Int(words[6])
    {
      self = .sides(shorter: shorter, longer: longer)
    } else {
      return nil
    }
  }

  /// `shorter side 800, longer at most 1333`, or `factor 2.0`
  public var description: String {
    switch self {
    case .sides(let shorter, let longer): "shorter side \(shorter), longer at most \(longer)"
    case .factor(let factor): "factor \(factor)"
    }
  }
}

/// The sizes that stage 0 recorded.
public struct InputSizes: Sendable, Equatable {
  /// Of the image as decoded.
  public var original: ImageSize
  /// Of the resized image, without the padding.
  public var resized: ImageSize
  /// Of the network's input.
  public var padded: ImageSize

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
      sizes[2].height % InputStage.padding == 0, sizes[2].width % InputStage.padding == 0
    else {
      throw Fault(
        folder.folder.path, "the sizes \(values) are not those of an image, resized and padded",
        remedy: "Run the stage input again")
    }
    (original, resized, padded) = (sizes[0], sizes[1], sizes[2])
  }

  /// A box of the resized image in pixels of the image as decoded.
  public func inOriginal(_ box: Box) -> Box {
    box.scaled(
      x: Float(original.width) / Float(resized.width),
      y: Float(original.height) / Float(resized.height))
  }

  /// Images of more pixels would need tens of gigabytes in the backbone.
  static let mostPixels = 64_000_000

  /// Whether an image of this size can be worked on.
  static func areSensible(_ size: ImageSize) -> Bool {
    let sides = 1...mostPixels
    return sides.contains(size.height) && sides.contains(size.width)
      && size.height <= mostPixels / size.width
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
        remedy: "Run the stage again")
    }
    return boxes
  }
}
