import Tracing

/// Which pixels belong to a mask.
public struct MaskOptions: StageOptions {
  /// A pixel belongs to an object if its probability is greater.
  public var threshold: Float

  /// Options.
  public init(threshold: Float) { self.threshold = threshold }

  /// A probability over 0.5, as in the paper.
  public static var torchvision: MaskOptions { MaskOptions(threshold: 0.5) }

  /// One flag.
  public static var declared: [StageOption<MaskOptions>] {
    [
      StageOption(
        "threshold", \.threshold,
        flag: OptionFlag(
          "threshold", in: 0...1,
          help: "A pixel belongs to an object if its probability is greater."
        ))
    ]
  }
}
