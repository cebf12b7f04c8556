import Stage8Losses
import Tracing

/// Which losses are differentiated, and the learning rate of the step.
public struct GradientOptions: StageOptions {
  /// The sum of the five losses, or one of them.
  public enum Choice: String, Sendable, CaseIterable {
    /// All five.
    case total
    /// Whether an anchor holds an object.
    case objectness
    /// Where an anchor's object is.
    case rpnBox = "rpn-box"
    /// Which class a RoI has.
    case classes = "class"
    /// Where a RoI's object is.
    case box
    /// Which pixels of a RoI belong to its object.
    case mask
  }

  /// What the gradients are of.
  public var of: Choice
  /// By how many times its gradient a parameter is moved.
  public var learningRate: Float

  /// Makes options.
  public init(of: Choice, learningRate: Float) {
    (self.of, self.learningRate) = (of, learningRate)
  }

  /// All losses, and the learning rate of torchvision's training script for one image: 0.02 for 16.
  public static var torchvision: GradientOptions {
    GradientOptions(of: .total, learningRate: 0.00125)
  }

  /// All of them.
  public static var declared: [StageOption<GradientOptions>] {
    [
      StageOption(
        "of", \.of,
        flag: OptionFlag(
          "of",
          help: "The loss whose gradients are computed: "
            + "\(Choice.allCases.map(\.rawValue).joined(separator: ", ")).")),
      StageOption(
        "learningRate", \.learningRate,
        flag: OptionFlag(
          "learning-rate", in: 0...1000,
          help: "A step makes each parameter p: p - learning rate * dL/dp.")),
    ]
  }
}

extension GradientOptions.Choice: OptionConvertible {
  /// The losses whose gradients are computed.
  public var losses: [LossName] {
    switch self {
    case .total: LossName.allCases
    case .objectness: [.objectness]
    case .rpnBox: [.rpnBoxes]
    case .classes: [.classes]
    case .box: [.boxes]
    case .mask: [.masks]
    }
  }
}
