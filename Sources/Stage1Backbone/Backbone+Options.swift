import Tracing

/// What stage 1 keeps.
public struct BackboneOptions: StageOptions {
  /// Whether the output of every residual block is kept too.
  public var keepsBlocks = false

  /// Options.
  public init(keepsBlocks: Bool = false) { self.keepsBlocks = keepsBlocks }

  /// The levels alone.
  public static var torchvision: BackboneOptions { BackboneOptions() }

  /// A switch.
  public static var declared: [StageOption<BackboneOptions>] {
    [
      StageOption(
        "blocks", \.keepsBlocks,
        flag: OptionFlag("blocks", help: "Keep the output of every residual block too."))
    ]
  }
}
