import Model
import Tensors
import Tracing

/// How an image becomes the network's input.
public struct InputOptions: StageOptions {
  /// How it is resized.
  public var resize: ModelSettings.Resize
  /// Subtracted from the channels, in their order.
  public var mean: [Float]
  /// What the channels are divided by, in their order.
  public var standardDeviation: [Float]
  /// In which order the weights expect the colours.
  public var channelOrder = ChannelOrder.rgb

  /// The options that a model's settings give.
  public init(_ settings: ModelSettings) {
    resize = settings.resize
    mean = settings.mean
    standardDeviation = settings.standardDeviation
  }

  /// The shorter side 800 unless the longer passes 1333; ImageNet's mean and deviation; RGB.
  public static var torchvision: InputOptions { InputOptions(ModelSettings()) }

  /// The size by three flags; the order of the channels is recorded where it is not RGB.
  public static var declared: [StageOption<InputOptions>] {
    [
      StageOption(
        "resize", setting: "input.min_size",
        flags: [shorterSide.listed, longerSide.listed, factor.listed],
        record: { ["resize": $0.resize.optionValue] },
        take: { recorded, options in
          guard let resize = recorded["resize"].flatMap({ ModelSettings.Resize($0) }) else {
            return false
          }
          options.resize = resize
          return true
        },
        apply: { given, options in
          if let resize = try resize(given) { options.resize = resize }
        },
        words: { options in
          switch options.resize {
          case .factor(let value): [FlagWord(factor, value)]
          case .sides(let shorter, let longer):
            [FlagWord(shorterSide, shorter), FlagWord(longerSide, longer)]
          }
        }),
      StageOption("mean", \.mean, setting: "input.mean") { $0.count == 3 },
      StageOption("standardDeviation", \.standardDeviation, setting: "input.std") { $0.count == 3 },
      StageOption("channelOrder", \.channelOrder, unless: .rgb),
    ]
  }

  private static var shorterSide: OptionFlag<Int> {
    OptionFlag(
      "min-size", in: ModelSettings.Resize.lengths,
      help: "Resize the shorter side to this many input pixels.")
  }

  private static var longerSide: OptionFlag<Int> {
    OptionFlag(
      "max-size", in: ModelSettings.Resize.lengths,
      help: "But the longer side to at most this many input pixels.")
  }

  private static var factor: OptionFlag<Double> {
    OptionFlag(
      "scale", in: ModelSettings.Resize.factors, help: "Or resize both sides by this factor.")
  }

  /// How a command line says that the image is resized; nil where it does not.
  private static func resize(_ given: GivenFlags) throws -> ModelSettings.Resize? {
    let (shorter, longer) = try (shorterSide.value(in: given), longerSide.value(in: given))
    guard let scale = try factor.value(in: given) else {
      guard shorter != nil || longer != nil else { return nil }
      // Alone, one keeps torchvision's proportion to the other.
      return .sides(
        shorter: shorter ?? (longer ?? 1333) * 800 / 1333,
        longer: longer ?? (shorter ?? 800) * 1333 / 800)
    }
    guard shorter == nil, longer == nil else {
      throw Fault(
        "--scale", "it and --min-size or --max-size exclude each other",
        remedy: "Give the factor or the sides")
    }
    return .factor(scale)
  }
}

extension ChannelOrder: OptionConvertible {}

extension ModelSettings.Resize: LosslessStringConvertible, OptionConvertible {
  /// What a command line would have to give; no flag takes it as a whole.
  public static var kindInWords: String { "a size" }

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
