import Tracing

/// Over which masks the mask loss is taken.
public struct LossOptions: StageOptions {
  /// Which of a RoI's K masks have a loss.
  public enum MaskClasses: String, Sendable, CaseIterable {
    /// That of the RoI's own class.
    case own
    /// All of them: a common mistake, which makes the classes compete for pixels.
    case all
  }

  /// Which of a RoI's K masks have a loss.
  public var maskClasses: MaskClasses

  /// Makes options.
  public init(maskClasses: MaskClasses) { self.maskClasses = maskClasses }

  /// The own class's mask, as in the paper.
  public static var torchvision: LossOptions { LossOptions(maskClasses: .own) }

  /// Recorded where it is not the paper's.
  public static var declared: [StageOption<LossOptions>] {
    [StageOption("maskClasses", \.maskClasses, unless: .own)]
  }
}

extension LossOptions.MaskClasses: OptionConvertible {}
