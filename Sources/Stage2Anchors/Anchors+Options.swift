import Model
import Tracing

/// Which anchors lie at a cell.
public struct AnchorOptions: StageOptions {
  /// Side of the square anchor of each level, in input pixels.
  public var sizes: [Float]
  /// Height over width of the anchors of one cell.
  public var aspectRatios: [Float]
  /// Input pixels per cell of each level, by rows and by columns, one level after another, as
  /// implementations that take them from a configuration have them; nil for the padded input's size
  /// over the grid's, which cannot be wrong.
  public var strides: [Int]?

  /// The options that a model's settings give.
  public init(_ settings: ModelSettings) {
    (sizes, aspectRatios) = (settings.anchorSizes, settings.anchorAspectRatios)
  }

  /// Sides of 32 to 512 pixels in three shapes.
  public static var torchvision: AnchorOptions { AnchorOptions(ModelSettings()) }

  /// What a weight file gives; the strides where they were given.
  public static var declared: [StageOption<AnchorOptions>] {
    [
      StageOption("anchorSizes", \.sizes, setting: "anchors.sizes"),
      StageOption("anchorAspectRatios", \.aspectRatios, setting: "anchors.aspect_ratios"),
      StageOption(
        "strides", record: { $0.strides.map { ["strides": .numbers($0.map(Double.init))] } ?? [:] },
        take: { recorded, options in
          options.strides = recorded["strides"]?.numbers?.map { Int($0) }
          return (options.strides == nil) == (recorded["strides"] == nil)
        }),
    ]
  }
}
