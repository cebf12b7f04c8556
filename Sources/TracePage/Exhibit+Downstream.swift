import Ablations
import Annotations
import Stage6Masks
import Tensors

extension Exhibit {
  /// What the choice of the RoI operator comes to in masks and boxes.
  static let downstream = Exhibit(
    name: "downstream",
    uses: ["shared/plane", "shared/scene", "downstream/regions", "shared/histogram"],
    stage: "6-masks",
    title: "What rounding costs",
    lead: """
      RoIPool and RoIWarp round a box to whole cells; RoIAlign does not. What that costs is seen in \
      networks that were trained with each of them.
      """, evidence: "downstream/trained-alike.html"
  ) { source, data in
    guard let downstream = source.downstream else { return nil }
    var sets: [DownstreamContent.Set] = []
    for outcome in downstream.outcomes {
      sets.append(data.add(outcome.name, outcome.regions))
      data.add(
        "downstream/\(outcome.name)/boxes",
        Tensor(boxes: Array(outcome.detections.prefix(sets[sets.count - 1].carried).map(\.box))),
        as: .float32)
    }
    if let truth = source.truth { sets.append(data.add("truth", truth)) }
    let shifts = downstream.shifts
    data.add(
      "downstream/shifts",
      Tensor([shifts.count, 4], shifts.flatMap { [$0.left, $0.top, $0.right, $0.bottom] }),
      as: .float32)
    return DownstreamContent(
      operators: downstream.outcomes.indices.map { index in
        DownstreamContent.Operator(
          name: downstream.outcomes[index].name,
          detections: downstream.outcomes[index].detections.count,
          matched: downstream.agreements[index].matched,
          overlap: downstream.agreements[index].meanOverlap,
          truth: downstream.truthScores.indices.contains(index)
            ? DownstreamContent.Truth(downstream.truthScores[index]) : nil)
      },
      sets: sets, strides: shifts.map(\.stride), caveat: Downstream.caveat,
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

  /// Masks as far as the page carries them: the first of `all`, by descending score.
  struct Set: Encodable {
    let name: String
    let carried, all: Int

    /// So many masks of a set at most.
    static let mostMasks = 300
    /// So many pixels in their windows at most, each a byte of the script's memory.
    static let mostPixels = 4_000_000
  }

  /// The first is the one that the others are compared with.
  let operators: [Operator]
  /// The operators' masks, then the truth's if it is known (in the order of its labels).
  let sets: [Set]
  /// Pixels per cell of each proposal's level.
  let strides: [Int]
  let caveat: String
  let truthCaveat: String?
}

extension PageData {
  /// Adds a set's first masks, as many as a page carries: `downstream/NAME/windows` `[D, 4]`, and
  /// `downstream/NAME/inside`, a byte per pixel of all windows.
  fileprivate mutating func add(_ name: String, _ all: [MaskRegion]) -> DownstreamContent.Set {
    var pixels = 0
    let regions = all.prefix(DownstreamContent.Set.mostMasks).prefix {
      pixels += $0.isInside.count
      return pixels <= DownstreamContent.Set.mostPixels
    }
    add(
      "downstream/\(name)/windows",
      integers: regions.flatMap { [$0.window.x1, $0.window.y1, $0.window.x2, $0.window.y2] },
      shape: [regions.count, 4])
    let inside = regions.flatMap { $0.isInside.map { $0 ? UInt8(1) : 0 } }
    add("downstream/\(name)/inside", bytes: inside, shape: [inside.count])
    return DownstreamContent.Set(name: name, carried: regions.count, all: all.count)
  }
}
