import Model
import Tensors
import Tracing

/// Which anchors lie at a cell.
public struct AnchorOptions: StageOptions {
  /// Sides of the square anchors of each level, in input pixels.
  public var sizes: AnchorSizes
  /// Height over width of the anchors of one cell.
  public var aspectRatios: AnchorAspectRatios
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

  /// The anchors of the cell at the origin of each level, the finest first.
  public var base: [[Box]] {
    sizes.levels.enumerated().map { baseAnchors(sizes: $1, aspectRatios: aspectRatios[$0]) }
  }
}

extension NumberLists {
  /// The lists as they are recorded.
  fileprivate var optionValue: OptionValue {
    switch self {
    case .flat(let numbers): .numbers(numbers.map(Double.init))
    case .nested(let lists): .lists(lists.map { $0.map(Double.init) })
    }
  }

  /// The lists that were recorded; nil where something else was recorded.
  fileprivate init?(_ optionValue: OptionValue) {
    if let numbers = optionValue.numbers {
      self = .flat(numbers)
    } else if let lists = optionValue.lists {
      self = .nested(lists)
    } else {
      return nil
    }
  }
}

extension AnchorSizes: OptionConvertible {
  /// A number a level, or a list of numbers a level.
  public var optionValue: OptionValue { numbers.optionValue }

  /// `a list of numbers`
  public static var kindInWords: String { "a list of numbers" }

  /// What was recorded.
  public init?(_ optionValue: OptionValue) {
    guard let lists = NumberLists(optionValue) else { return nil }
    self.init(lists)
  }
}

extension AnchorAspectRatios: OptionConvertible {
  /// Numbers, or a list of numbers a level.
  public var optionValue: OptionValue { numbers.optionValue }

  /// `a list of numbers`
  public static var kindInWords: String { "a list of numbers" }

  /// What was recorded.
  public init?(_ optionValue: OptionValue) {
    guard let lists = NumberLists(optionValue) else { return nil }
    self.init(lists)
  }
}
