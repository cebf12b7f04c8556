import Experiments
import Stage6Masks
import Tensors

extension Exhibit {
  /// What the choice of the RoI operator comes to in masks and boxes.
  static let downstream = Exhibit(
    name: "downstream",
    uses: ["shared/draw", "shared/plane", "downstream/regions", "shared/histogram"],
    stage: "6-masks",
    title: "What rounding costs in the end",
    lead: """
      The same proposals went through the rest of the network three times, once with each operator \
      of stage 4. Choose two of the results, or one and the truth, and look at the masks that differ \
      most.
      """
  ) { source, data in
    guard let downstream = source.downstream else { return nil }
    for outcome in downstream.outcomes {
      data.add("downstream/\(outcome.name)", outcome.regions)
      data.add(
        "downstream/\(outcome.name)/boxes", Tensor(boxes: outcome.boxes), as: .float32)
    }
    if let truth = source.truth { data.add("downstream/truth", truth) }
    let shifts = downstream.shifts
    data.add(
      "downstream/shifts",
      Tensor([shifts.count, 4], shifts.flatMap { [$0.left, $0.top, $0.right, $0.bottom] }),
      as: .float32)
    return DownstreamContent(
      operators: downstream.outcomes.indices.map { index in
        DownstreamContent.Operator(
          name: downstream.outcomes[index].name,
          detections: downstream.outcomes[index].boxes.count,
          matched: downstream.agreements[index].matched,
          overlap: downstream.agreements[index].meanOverlap,
          truth: downstream.truthScores.indices.contains(index)
            ? DownstreamContent.Truth(downstream.truthScores[index]) : nil)
      },
      strides: shifts.map(\.stride), caveat: Downstream.caveat,
      truthCaveat: source.truth == nil ? nil : Downstream.truthCaveat)
  }
}

/// What the exhibit's script is given.
private struct DownstreamContent: Encodable {
  struct Truth: Encodable {
    let objects, matchedAtHalf, unmatchedAtHalf, matchedAtThreeQuarters: Int
    let meanOfMatched, meanOfBest, meanAreaRatio: Float

    init(_ score: TruthScore) {
      objects = score.objects
      matchedAtHalf = score.matchedAtHalf
      unmatchedAtHalf = score.unmatchedAtHalf
      matchedAtThreeQuarters = score.matchedAtThreeQuarters
      meanOfMatched = score.meanOfMatched
      meanOfBest = score.meanOfBest
      meanAreaRatio = score.meanAreaRatio
    }
  }

  struct Operator: Encodable {
    let name: String
    let detections, matched: Int
    let overlap: Float
    let truth: Truth?
  }

  /// The first is the one that the others are held against.
  let operators: [Operator]
  /// Pixels per cell of each proposal's level.
  let strides: [Int]
  let caveat: String
  let truthCaveat: String?
}

extension PageData {
  /// Adds masks: `NAME/windows` `[D, 4]`, and `NAME/inside`, a byte per pixel of all windows.
  fileprivate mutating func add(_ name: String, _ regions: [MaskRegion]) {
    add(
      "\(name)/windows",
      integers: regions.flatMap { [$0.window.x1, $0.window.y1, $0.window.x2, $0.window.y2] },
      shape: [regions.count, 4])
    let inside = regions.flatMap { $0.isInside.map { $0 ? UInt8(1) : 0 } }
    add("\(name)/inside", bytes: inside, shape: [inside.count])
  }
}
