import Ablations
import Annotations
import Foundation
import Model
import Stage0Input
import Tensors
import Tracing

/// What a page is made of: a trace, and what may be shown beside it.
struct PageSource {
  /// The trace that is shown.
  let trace: Trace
  /// What the RoI operators cost in boxes and masks, if it was computed.
  let downstream: Downstream?
  /// The objects that it was compared with.
  let truth: [MaskRegion]?

  /// The stages that are stale; all of them where a record is damaged, which ends the making of the
  /// page.
  let outdated: [String]

  init(trace: Trace, downstream: Downstream?, truth: [MaskRegion]?) {
    (self.trace, self.downstream, self.truth) = (trace, downstream, truth)
    outdated = (try? trace.outdatedStages()) ?? trace.stages
  }

  /// Whether a stage is in the trace and was made from what is there now: numbers of one
  /// that was not do not belong to the others'.
  func isCurrent(_ stage: String) -> Bool { trace.has(stage) && !outdated.contains(stage) }

  /// Whether the trace holds these tensors of a stage whole, and the stage fits the others.
  func has(_ stage: String, _ tensors: String...) -> Bool {
    guard isCurrent(stage), let folder = try? trace.stage(stage) else { return false }
    return tensors.allSatisfy(folder.holds)
  }

  /// The image's three sizes; nil where the trace has no stage 0.
  func knownSizes() throws -> InputSizes? { trace.has("0-input") ? try sizes() : nil }

  /// The image's three sizes.
  func sizes() throws -> InputSizes { try InputSizes(trace.stage("0-input")) }
}
