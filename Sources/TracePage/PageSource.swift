import Experiments
import Foundation
import Model
import Stage0Input
import Tensors
import Tracing

/// What a page is made of: a trace, and what may stand beside it.
struct PageSource {
  /// The trace that is shown.
  let trace: Trace
  /// What the RoI operators cost in boxes and masks, if it was computed.
  let downstream: Downstream?
  /// The objects that it was compared with.
  let truth: [MaskRegion]?

  /// Whether the trace holds these tensors of a stage whole.
  func has(_ stage: String, _ tensors: String...) -> Bool {
    guard trace.has(stage), let folder = try? trace.stage(stage) else { return false }
    return tensors.allSatisfy { name in
      folder.record.tensors.contains { $0.name == name && $0.samples == nil }
        && (try? folder.array(name)) != nil
    }
  }

  /// The picture's three sizes.
  func sizes() throws -> InputSizes { try InputSizes(trace.stage("0-input")) }
}
