// What the choice of the RoI operator costs in boxes and masks. Paper: section 4.2, "RoIAlign",
// tables 2c and 2d, where the network is trained again for every operator; here the same weights,
// trained with RoIAlign, read features by each.
//
// In: pyramid and proposals of a trace, a model.  Out: detections and masks per operator, how far
// they agree with RoIAlign's and with the truth. Nothing is written.

import Annotations
import Inference
import Model
import Stage0Input
import Stage1Backbone
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing

/// What the network finds with one operator in stage 4 and in front of the mask head.
public struct OperatorOutcome: Sendable {
  /// The operator.
  public var roiOperator: RoIOperator
  /// What was detected, by descending score.
  public var detections: [Detection]
  /// The pixels of the masks over the threshold.
  public var regions: [MaskRegion]

  init(_ roiOperator: RoIOperator, _ detections: [Detection], threshold: Float) {
    self.roiOperator = roiOperator
    self.detections = detections
    regions = detections.map { MaskRegion($0.mask, threshold: threshold) }
  }

  /// `RoIPool`, `RoIWarp` or `RoIAlign`.
  public var name: String { roiOperator.name }
}

/// How far the masks of two operators agree, detection by detection.
public struct OperatorAgreement: Sendable, Equatable {
  /// Masks of one class that were matched one to one at an IoU of at least 0.5.
  public var matched: Int
  /// Mean IoU of the matched; 0 where none are.
  public var meanOverlap: Float
}

/// How masks compare with the objects that there are, whatever the classes.
public struct TruthScore: Sendable, Equatable {
  /// Objects that there are.
  public var objects: Int
  /// Detections that were matched with one, one to one by descending score, at an IoU of at least
  /// 0.5.
  public var matchedAtHalf: Int
  /// Detections that were not.
  public var unmatchedAtHalf: Int
  /// Matched at an IoU of at least 0.75, again.
  public var matchedAtThreeQuarters: Int
  /// Mean IoU of the pairs matched at 0.5; 0 where there are none.
  public var meanOfMatched: Float
  /// Mean over all objects of the highest IoU that any detection has with it, 0 where none touches
  /// it: objects that were missed count.
  public var meanOfBest: Float
  /// Mean over the pairs matched at 0.5 of the mask's area over the object's; over 1 where masks
  /// are too large.
  public var meanAreaRatio: Float

  /// Holds masks, by descending score, against the objects.
  public init(_ masks: [MaskRegion], truth: [MaskRegion]) {
    let overlaps = MaskOverlaps(masks, truth)
    let half = overlaps.matches(threshold: 0.5)
    objects = truth.count
    matchedAtHalf = half.count
    unmatchedAtHalf = masks.count - half.count
    matchedAtThreeQuarters = overlaps.matches(threshold: 0.75).count
    meanOfMatched = mean(half.map(\.overlap))
    meanOfBest = mean(overlaps.bestOfSecond)
    meanAreaRatio = mean(
      half.map { Float(masks[$0.first].area) / Float(truth[$0.second].area) })
  }
}

/// The same proposals taken through the rest of the network by each operator.
public struct Downstream: Sendable {
  /// One outcome per operator; the first is the one that the others are compared with.
  public var outcomes: [OperatorOutcome]
  /// How far each outcome agrees with the first, which agrees with itself.
  public var agreements: [OperatorAgreement]
  /// How each compares with the truth; empty where none is known.
  public var truthScores: [TruthScore]
  /// How far rounding moves every proposal, in the proposals' order.
  public var shifts: [QuantisationShift]

  /// Why the figures are not those of the paper.
  public static let caveat =
    "The weights were trained with RoIAlign and read the features of the other operators "
    + "unprepared; the paper trains a network for each (tables 2c and 2d)."

  /// Why a truth may speak for the operator that is worse.
  public static let truthCaveat =
    "RoIPool and RoIWarp read a wider box than the one that the mask is pasted into, so their masks "
    + "come out smaller. Where RoIAlign's are larger than the truth, that alone can raise the IoU."

  /// The three operators: RoIAlign as a trace's stage 4 used it, otherwise as torchvision does,
  /// then RoIPool, then RoIWarp with the same samples.
  ///
  /// - Throws: `Fault` if the record is damaged.
  public static func operators(of trace: Trace) throws -> [RoIOperator] {
    var align = RoIOperator.torchvision
    if trace.has(RoIStage.name),
      let recorded = RoIOperator(recorded: try trace.stage(RoIStage.name).record.options),
      case .align = recorded
    {
      align = recorded
    }
    guard case .align(let samplingRatio, _, let maximum) = align else { return [align, .pool] }
    return [align, .pool, .warp(samplingRatio: samplingRatio, maximum: maximum)]
  }

  /// Whether a trace holds the stages that the computation reads.
  public static func isPossible(in trace: Trace) -> Bool {
    ["0-input", "1-backbone", "3-proposals"].allSatisfy(trace.has)
  }

  /// Computes everything, with the thresholds that the trace's stages 5 and 6 recorded where the
  /// trace has them. What these stages store of one of the default operators is not computed again.
  ///
  /// - Parameters:
  ///   - trace: with the stages 0, 1 and 3
  ///   - model: the one that made them
  ///   - operators: nil for those of `operators(of:)`
  ///   - truth: the objects that there are, in pixels of the image as decoded
  /// - Throws: `Fault` if a stage is missing, damaged or outdated, or the weights are not
  ///   those that stage 1 recorded or do not fit.
  public init(
    _ trace: Trace, _ model: MaskRCNNModel, operators: [RoIOperator]? = nil,
    truth: [MaskRegion]? = nil
  ) throws {
    let input = try trace.current(InputStage.name)
    let sizes = try InputSizes(input)
    let backbone = try trace.current("1-backbone")
    if let weights = backbone.weights, !weights.isSame(as: model.weightSource) {
      throw Fault(
        model.weightSource.description, "the trace was made with other weights, \(weights)",
        remedy: "Give these with --weights")
    }
    let pyramid = try RoIPyramid(
      input: input, backbone: backbone, LevelAssignment(model.settings.roi))
    let proposals = try trace.current("3-proposals").boxes("proposals", inside: sizes.resized)
    var heads = HeadsStage(model)
    var pasting = MaskOptions.torchvision
    if trace.has(HeadsStage.name) {
      heads = try heads.withOptions(of: trace.stage(HeadsStage.name))
    }
    if trace.has(MasksStage.name) {
      pasting = try MaskOptions(trace.stage(MasksStage.name))
    }
    let outcomes = try (operators ?? Self.operators(of: trace)).map { roiOperator in
      if operators == nil,
        let known = try OperatorOutcome(
          of: trace, roiOperator, model, pasting, sizes.original)
      {
        return known
      }
      var network = Network(model)
      network.roiOperator = roiOperator
      network.detectionOptions = heads.options
      let features = network.features(
        pyramid, [proposals], bins: network.boxBins)  // [R, C, 7, 7]
      try heads.check(
        features, proposals: proposals.count, pyramid, folder: backbone.folder)
      let detections = network.detections(features, proposals: [proposals], pyramid, [sizes])[0]
      return OperatorOutcome(roiOperator, detections, threshold: pasting.threshold)
    }
    self.outcomes = outcomes
    agreements = outcomes.map { OperatorAgreement($0, outcomes[0]) }
    truthScores = truth.map { truth in outcomes.map { TruthScore($0.regions, truth: truth) } } ?? []
    shifts = QuantisationShift.of(proposals, on: pyramid)
  }
}

extension OperatorOutcome {
  /// What a trace's stages 5 and 6 hold; nil where they used another operator or other weights, are
  /// stale, or did not keep it.
  ///
  /// - Throws: `Fault` if a file is damaged.
  fileprivate init?(
    of trace: Trace, _ roiOperator: RoIOperator, _ model: MaskRCNNModel, _ pasting: MaskOptions,
    _ image: ImageSize
  ) throws {
    let stale = try trace.staleStages().map(\.stage)
    let names = [RoIStage.name, HeadsStage.name, MasksStage.name]
    guard names.allSatisfy({ trace.has($0) && !stale.contains($0) }) else { return nil }
    let roi = try trace.stage(RoIStage.name)
    let (heads, masks) = (try trace.stage(HeadsStage.name), try trace.stage(MasksStage.name))
    guard RoIOperator(recorded: roi.record.options) == roiOperator,
      heads.weights?.isSame(as: model.weightSource) == true,
      heads.record.options["maskOperator"] == .text("as in stage 4"),
      ["boxes", "soft", "windows"].allSatisfy(masks.holds),
      ["labels", "scores", "proposal"].allSatisfy(heads.holds)
    else { return nil }
    self.init(roiOperator, try masks.detections(heads, in: image), threshold: pasting.threshold)
  }
}

extension OperatorAgreement {
  /// What pairs of masks, matched at an IoU of at least 0.5, come to.
  public init(_ matches: [MaskOverlaps.Pair]) {
    matched = matches.count
    meanOverlap = mean(matches.map(\.overlap))
  }

  /// Matches the masks of two operators.
  public init(_ outcome: OperatorOutcome, _ reference: OperatorOutcome) {
    self.init(
      MaskOverlaps(
        outcome.regions, reference.regions,
        labels: (outcome.detections.map(\.label), reference.detections.map(\.label))
      ).matches(threshold: 0.5))
  }
}

/// The arithmetic mean; 0 of nothing.
func mean(_ values: [Float]) -> Float {
  values.isEmpty ? 0 : Float(values.reduce(0.0) { $0 + Double($1) } / Double(values.count))
}
