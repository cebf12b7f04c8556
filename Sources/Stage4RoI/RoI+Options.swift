import Tensors
import Tracing

/// How the features of a proposal are read.
public struct RoIOptions: StageOptions {
  /// Which operator.
  public var roiOperator: RoIOperator

  /// Options.
  public init(_ roiOperator: RoIOperator) { self.roiOperator = roiOperator }

  /// RoIAlign, two samples per bin along each axis.
  public static var torchvision: RoIOptions { RoIOptions(.torchvision) }

  /// The operator, with what it needs, by four flags.
  public static var declared: [StageOption<RoIOptions>] {
    [
      StageOption(
        "operator",
        flags: [name.listed, samplingRatio.listed, aligned.listed, reduction.listed],
        record: \.roiOperator.recorded,
        take: { recorded, options in
          guard let roiOperator = RoIOperator(recorded: recorded) else { return false }
          options.roiOperator = roiOperator
          return true
        },
        apply: { given, options in
          if let roiOperator = try roiOperator(given) { options.roiOperator = roiOperator }
        },
        words: { $0.words })
    ]
  }

  /// The words for an operator on the command line.
  private enum Name: String, CaseIterable, OptionConvertible { case align, pool, warp }

  /// How a bin reduces its samples.
  private enum Reduction: String, CaseIterable, OptionConvertible { case average, maximum }

  private static var name: OptionFlag<Name> {
    OptionFlag("operator", help: "The RoI operator: align, pool, warp.")
  }

  private static var samplingRatio: OptionFlag<Int> {
    OptionFlag(
      "sampling-ratio", in: 0...16, help: "Samples per bin along each axis, 0 for one per cell.")
  }

  private static var aligned: OptionFlag<Bool> {
    OptionFlag(
      "aligned", help: "Subtract half a cell, as detectron2 does and torchvision's models do not.")
  }

  private static var reduction: OptionFlag<Reduction> {
    OptionFlag("reduction", help: "What a bin takes of its samples: average, maximum.")
  }

  /// The operator that a command line gives, torchvision's where it leaves a part open; nil where it
  /// gives none.
  private static func roiOperator(_ given: GivenFlags) throws -> RoIOperator? {
    let name = try name.value(in: given)
    let (ratio, reduction) = try (samplingRatio.value(in: given), reduction.value(in: given))
    let aligned = try aligned.value(in: given)
    guard name != nil || ratio != nil || reduction != nil || aligned != nil else { return nil }
    let isMaximum = reduction == .maximum
    switch name ?? .align {
    case .align:
      return .align(samplingRatio: ratio ?? 2, aligned: aligned ?? false, maximum: isMaximum)
    case .warp where aligned == nil:
      return .warp(samplingRatio: ratio ?? 2, maximum: isMaximum)
    case .pool where aligned == nil && ratio == nil && reduction == nil:
      return .pool
    case .pool, .warp:
      throw Fault(
        "--operator \(name?.rawValue ?? "")",
        aligned != nil
          ? "it rounds to cells, and --aligned is an option of align"
          : "it takes no samples, and --sampling-ratio and --reduction are options of the others",
        remedy: "Leave them out")
    }
  }

  private var words: [FlagWord] {
    func sampling(_ name: Name, _ ratio: Int, _ maximum: Bool) -> [FlagWord] {
      [
        FlagWord(Self.name, name), FlagWord(Self.samplingRatio, ratio),
        FlagWord(Self.reduction, maximum ? Reduction.maximum : .average),
      ]
    }
    switch roiOperator {
    case .pool: return [FlagWord(Self.name, Name.pool)]
    case .warp(let ratio, let maximum): return sampling(.warp, ratio, maximum)
    case .align(let ratio, let aligned, let maximum):
      return sampling(.align, ratio, maximum) + (aligned ? [FlagWord(Self.aligned, true)] : [])
    }
  }
}

extension RoIOperator {
  /// The operator as `stage.json` records it.
  public var recorded: [String: OptionValue] {
    switch self {
    case .pool:
      ["operator": .text("pool")]
    case .warp(let samplingRatio, let maximum):
      [
        "operator": .text("warp"), "samplingRatio": .integer(samplingRatio),
        "reduction": .text(maximum ? "maximum" : "average"),
      ]
    case .align(let samplingRatio, let aligned, let maximum):
      [
        "operator": .text("align"), "samplingRatio": .integer(samplingRatio),
        "aligned": .flag(aligned), "reduction": .text(maximum ? "maximum" : "average"),
      ]
    }
  }

  /// The operator that a stage's `stage.json` records; nil where it records none, or not all of it.
  public init?(recorded options: [String: OptionValue]) {
    guard options["operator"] != .text("pool") else {
      self = .pool
      return
    }
    guard let samplingRatio = options["samplingRatio"]?.count, samplingRatio <= 64,
      case .text(let reduction)? = options["reduction"], ["average", "maximum"].contains(reduction)
    else { return nil }
    switch (options["operator"], options["aligned"]) {
    case (.text("warp"), _):
      self = .warp(samplingRatio: samplingRatio, maximum: reduction == "maximum")
    case (.text("align"), .flag(let aligned)):
      self = .align(
        samplingRatio: samplingRatio, aligned: aligned, maximum: reduction == "maximum")
    default: return nil
    }
  }
}
