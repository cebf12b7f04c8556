import Model
import Tensors
import Tracing

/// How the features of a proposal are read.
public struct RoIOptions: StageOptions {
  /// Which operator.
  public var roiOperator: RoIOperator
  /// Which level a proposal is read from.
  public var assignment: LevelAssignment
  /// Rows and columns of the bins that the box head reads.
  public var bins: Int

  /// Options.
  public init(
    _ roiOperator: RoIOperator, _ assignment: LevelAssignment = .torchvision, bins: Int = 7
  ) {
    (self.roiOperator, self.assignment, self.bins) = (roiOperator, assignment, bins)
  }

  /// The operator, the levels and the bins that a model was trained with.
  public init(_ model: MaskRCNNModel) {
    self.init(
      RoIOperator(model.settings.roi), LevelAssignment(model.settings.roi),
      bins: model.parameters.boxBins)
  }

  /// RoIAlign, two samples per bin along each axis, of P2 … P5 with 7 x 7 bins.
  public static var torchvision: RoIOptions { RoIOptions(.torchvision) }

  /// The operator, with what it needs, by four flags; the rest comes with the model.
  public static var declared: [StageOption<RoIOptions>] {
    [
      StageOption(
        "operator", setting: "roi.operator",
        flags: [name.listed, samplingRatio.listed, aligned.listed, reduction.listed],
        record: \.roiOperator.recorded,
        take: { recorded, options in
          guard let roiOperator = RoIOperator(recorded: recorded) else { return false }
          options.roiOperator = roiOperator
          return true
        },
        apply: { given, options in
          options.roiOperator = try roiOperator(given, of: options.roiOperator)
        },
        words: { $0.words }),
      StageOption(
        "roiLevels", setting: "roi.levels",
        record: { $0.assignment.recorded.merging(["bins": .integer($0.bins)]) { $1 } },
        take: { recorded, options in
          // torchvision's traces record no bins.
          guard let assignment = LevelAssignment(recorded: recorded),
            let bins = recorded["bins"].map(\.count) ?? 7, (1...64).contains(bins)
          else { return false }
          (options.assignment, options.bins) = (assignment, bins)
          return true
        }),
    ]
  }

  private static var name: OptionFlag<RoIOperatorKind> {
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

  private static var reduction: OptionFlag<BinReduction> {
    OptionFlag("reduction", help: "What a bin takes of its samples: average, maximum.")
  }

  /// The operator that a command line gives. What it leaves open is as in the usual operator, and
  /// torchvision's choice where it names another one.
  private static func roiOperator(
    _ given: GivenFlags, of usual: RoIOperator
  ) throws -> RoIOperator {
    let name = try name.value(in: given)
    let (ratio, reduction) = try (samplingRatio.value(in: given), reduction.value(in: given))
    let aligned = try aligned.value(in: given)
    guard name != nil || ratio != nil || reduction != nil || aligned != nil else {
      return usual
    }
    let kind = name ?? usual.kind
    // What a flag leaves open is the usual operator's if it is the same one.
    let known = usual.kind == kind ? usual.sampling : RoIOperator.torchvision.sampling
    let isMaximum = reduction.map { $0 == .maximum } ?? known.maximum
    switch kind {
    case .align:
      return .align(
        samplingRatio: ratio ?? known.ratio, aligned: aligned ?? known.aligned, maximum: isMaximum)
    case .warp where aligned == nil:
      return .warp(samplingRatio: ratio ?? known.ratio, maximum: isMaximum)
    case .pool where aligned == nil && ratio == nil && reduction == nil:
      return .pool
    case .pool, .warp:
      throw Fault(
        "--operator \(kind.rawValue)",
        aligned != nil
          ? "it rounds to cells, and --aligned is an option of align"
          : "it takes no samples, and --sampling-ratio and --reduction are options of the others",
        remedy: "Leave them out")
    }
  }

  private var words: [FlagWord] {
    func sampling(_ name: RoIOperatorKind, _ ratio: Int, _ maximum: Bool) -> [FlagWord] {
      [
        FlagWord(Self.name, name), FlagWord(Self.samplingRatio, ratio),
        FlagWord(Self.reduction, maximum ? BinReduction.maximum : .average),
      ]
    }
    switch roiOperator {
    case .pool: return [FlagWord(Self.name, RoIOperatorKind.pool)]
    case .warp(let ratio, let maximum): return sampling(.warp, ratio, maximum)
    case .align(let ratio, let aligned, let maximum):
      return sampling(.align, ratio, maximum) + (aligned ? [FlagWord(Self.aligned, true)] : [])
    }
  }
}

extension LevelAssignment {
  /// The rule as `stage.json` records it, which it does where the rule is not torchvision's.
  fileprivate var recorded: [String: OptionValue] {
    self == .torchvision
      ? [:]
      : [
        "roiLevels": .numbers(levels.map(Double.init)),
        "canonicalScale": .number(Double(canonicalScale)),
        "canonicalLevel": .integer(canonicalLevel),
      ]
  }

  /// The rule that was recorded, torchvision's where none was; nil where it cannot be one.
  fileprivate init?(recorded options: [String: OptionValue]) {
    guard let numbers = options["roiLevels"] else {
      self = .torchvision
      return
    }
    let levels = (numbers.numbers ?? []).compactMap { Int(exactly: $0) }
    guard let first = levels.first, (1...30).contains(first), levels.count < 30,
      levels == Array(first..<first + levels.count),
      let scale = options["canonicalScale"]?.number, scale >= 1,
      let level = options["canonicalLevel"]?.count, level <= 30
    else { return nil }
    self.init(
      levels: first...first + levels.count - 1, canonicalScale: Float(scale),
      canonicalLevel: level)
  }
}

extension RoIOperatorKind: OptionConvertible {}
extension BinReduction: OptionConvertible {}

extension RoIOperator {
  /// How samples are taken; torchvision's choice for what an operator does not have.
  fileprivate var sampling: (ratio: Int, aligned: Bool, maximum: Bool) {
    switch self {
    case .pool: (2, false, false)
    case .warp(let ratio, let maximum): (ratio, false, maximum)
    case .align(let ratio, let aligned, let maximum): (ratio, aligned, maximum)
    }
  }

  /// Which of the three it is.
  public var kind: RoIOperatorKind {
    switch self {
    case .pool: .pool
    case .warp: .warp
    case .align: .align
    }
  }

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
