import Ablations
import Annotations
import Stage2Anchors
import Stage0Input
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing

/// A right trace and one with a mistake, compared with each other.
public struct MistakeFinding: Sendable {
  /// The mistake that was made.
  public var mistake: Mistake
  /// The comparison of all tensors.
  public var comparison: TraceComparison
  /// The first stage with a tensor that differs; nil where none does.
  public var firstDifference: String?
  /// Detections in the right trace, and how many of them have a score over 0.5.
  public var rightDetections: (all: Int, sure: Int)
  /// In the other.
  public var brokenDetections: (all: Int, sure: Int)
  /// How many of the latter are of the same class and at an IoU of at least 0.5 with one of the
  /// former, one to one, and their mean IoU.
  public var agreement: OperatorAgreement

  /// Floats agree within this part of their tensor's range: ten times what another order of a sum
  /// changes.
  public static let tolerance = TraceComparison.usualTolerance

  /// Whether the first stage that differs is the one in which the mistake was made.
  public var isWhereItWasMade: Bool { firstDifference == mistake.stage }

  /// Compares two whole traces of one image.
  ///
  /// - Throws: `Fault` if one is damaged.
  public init(_ mistake: Mistake, right: Trace, broken: Trace) throws {
    self.mistake = mistake
    comparison = try TraceComparison(right, broken)
    firstDifference = comparison.firstDifference(tolerance: Self.tolerance)
    let (ours, theirs) = (try MaskSet(right), try MaskSet(broken))
    rightDetections = (ours.labels.count, ours.sure)
    brokenDetections = (theirs.labels.count, theirs.sure)
    let matches = MaskOverlaps(
      theirs.regions, ours.regions, labels: (theirs.labels, ours.labels)
    ).matches(threshold: 0.5)
    agreement = OperatorAgreement(matches)
  }
}

/// The detections of a trace with their masks in the image.
private struct MaskSet {
  let labels: [Int]
  let sure: Int
  let regions: [MaskRegion]

  init(_ trace: Trace) throws {
    let folder = try trace.current(MasksStage.name)
    let threshold = try MaskOptions(folder).threshold
    let detections = try folder.detections(
      trace.current(HeadsStage.name), in: InputSizes(trace.current(InputStage.name)).original)
    labels = detections.map(\.label)
    sure = detections.count { $0.score > 0.5 }
    regions = detections.map { MaskRegion($0.mask, threshold: threshold) }
  }
}
