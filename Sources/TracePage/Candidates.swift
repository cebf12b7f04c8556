import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Tensors
import Tracing

/// What the page knows of stage 3's candidates besides the arrays `candidates/…`.
///
/// Carried are all that were looked at (the top k of each level, in the trace's order, so in
/// descending logit within a level), then of each level the next few below: all anchors would be
/// many megabytes.
struct CandidatesContent: Encodable {
  /// The levels, P2 first.
  let levels: [CandidateLevel]
  /// So many of the carried were looked at; they come first.
  let considered: Int
  /// Anchors in all.
  let anchors: Int
  let preNMSTopN: Int
  let minimumSize: Double
  let nmsThreshold: Double
  let postNMSTopN: Int
  /// In which order stage 3 took the four numbers that the network gives an anchor.
  let deltaOrder: String
  /// The index of each carried candidate: in the page it is the array `candidates/index`.
  let carried: [Int]

  private enum CodingKeys: String, CodingKey {
    case levels, considered, anchors, preNMSTopN, minimumSize, nmsThreshold, postNMSTopN, deltaOrder
  }
}

/// One level's grid of anchors.
struct CandidateLevel: Encodable {
  /// `P2`
  let name: String
  /// 2 for P2.
  let number: Int
  let rows: Int
  let columns: Int
  /// Pixels between rows and between columns.
  let stride: [Int]
  /// The index of its first candidate; they count by row, by column, by shape.
  let first: Int
  /// How many it has.
  let anchors: Int
  /// The anchors of a cell at (0, 0), `x1 y1 x2 y2`.
  let base: [[Float]]
}

extension CandidatesContent {
  /// So many candidates of each level that were not looked at are carried as well.
  static let below = 60

  /// Adds what the trace holds of the candidates; nil where it lacks stage 2 or 3.
  static func gather(_ source: PageSource, _ data: inout PageData) throws -> CandidatesContent? {
    guard source.has("2-anchors", "base_anchors", "strides"),
      source.isCurrent("3-proposals"),
      source.has("3-proposals", "ledger", "candidates.index", "proposal_index")
    else { return nil }
    let stage = try source.trace.stage("3-proposals")
    let ledger = try CandidateLedger(stage)
    let considered = try stage.integers("candidates.index")
    guard let grids = try anchorGrids(source), let levels = try levels(source, grids),
      grids.count == ledger.indices.count,
      considered.allSatisfy(ledger.indices.contains)
    else { return nil }
    let options = try ProposalOptions(stage)

    let carried = considered + grids.levels.flatMap { nextBelow($0, ledger) }
    let places = Dictionary(
      carried.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { a, _ in a })
    let candidates = carried.map { ledger[$0] }
    let count = carried.count
    data.add("candidates/index", integers: carried, shape: [count])
    data.add("candidates/logits", Tensor([count], candidates.map(\.logit)), as: .float32)
    data.add("candidates/boxes", Tensor(boxes: candidates.map(\.box)), as: .float32)
    data.add(
      "candidates/deltas", try deltas(candidates, grids, options.deltaOrder, source), as: .float32)
    data.add(
      "candidates/fates", bytes: candidates.map { UInt8($0.fate.name.rawValue) }, shape: [count])
    data.add(
      "candidates/by",
      integers: candidates.map { candidate in
        guard case .suppressed(let winner, _) = candidate.fate else { return -1 }
        return places[winner] ?? -1
      }, shape: [count])
    let proposals = try stage.integers("proposal_index")
    data.add(
      "candidates/proposals", integers: proposals.map { places[$0] ?? -1 },
      shape: [proposals.count])
    return CandidatesContent(
      levels: levels, considered: considered.count, anchors: grids.count,
      preNMSTopN: options.preNMSTopN, minimumSize: Double(options.minimumSize),
      nmsThreshold: options.nmsThreshold, postNMSTopN: options.postNMSTopN,
      deltaOrder: options.deltaOrder.rawValue, carried: carried)
  }

  /// The grids of the trace's anchors; nil where the levels have another form.
  private static func anchorGrids(_ source: PageSource) throws -> AnchorGrids? {
    let stage = try source.trace.stage("2-anchors")
    let base = try stage.tensor("base_anchors").shape  // [L, A, 4]
    let levels = stage.levels("deltas.P")
    guard base.rank == 3, base[0] == levels.count, base[2] == 4, let first = levels.first,
      levels == Array(first..<first + levels.count)
    else { return nil }
    var sizes: [(rows: Int, columns: Int, shapes: Int)] = []
    for name in levels.map({ "P\($0)" }) {
      guard source.has("2-anchors", "deltas.\(name)") else { return nil }
      let deltas = try stage.tensor("deltas.\(name)").shape  // [1, 4 A, H, W]
      guard deltas.rank == 4, deltas[0] == 1, deltas[1] == 4 * base[1] else { return nil }
      sizes.append((deltas[2], deltas[3], base[1]))
    }
    return AnchorGrids(firstLevel: first, sizes)
  }

  private static func levels(
    _ source: PageSource, _ grids: AnchorGrids
  ) throws -> [CandidateLevel]? {
    let stage = try source.trace.stage("2-anchors")
    let base = try stage.tensor("base_anchors")  // [L, A, 4]
    let strides = try stage.integers("strides")  // [L, 2]
    guard strides.count == 2 * grids.levels.count else { return nil }
    return grids.levels.enumerated().map { place, grid in
      CandidateLevel(
        name: "P\(grid.level)", number: grid.level, rows: grid.rows, columns: grid.columns,
        stride: [strides[2 * place], strides[2 * place + 1]], first: grid.first,
        anchors: grid.count,
        base: (0..<grid.shapes).map { shape in
          (0..<4).map { base.values[(place * grid.shapes + shape) * 4 + $0] }
        })
    }
  }

  /// dx dy dw dh of each candidate, as stage 3 understood the network's four numbers.
  ///
  /// - Returns: `[candidates.count, 4]`
  private static func deltas(
    _ candidates: [Candidate], _ grids: AnchorGrids, _ order: DeltaOrder, _ source: PageSource
  ) throws -> Tensor {
    let stage = try source.trace.stage("2-anchors")
    let tensors = try Dictionary(
      uniqueKeysWithValues: grids.levels.map {
        ($0.level, try stage.tensor("deltas.P\($0.level)"))  // [1, 4 A, H, W]
      })
    // The positions of dx, dy, dw and dh among the four.
    let places = order == .xFirst ? [0, 1, 2, 3] : [1, 0, 3, 2]
    let values = candidates.flatMap { candidate -> [Float] in
      let grid = grids.grid(of: candidate.index)
      let place = grid.place(of: candidate.index)
      let first = grid.deltaOffset(row: place.row, column: place.column, shape: place.shape)
      return places.map { tensors[grid.level]?.values[first + $0 * grid.cells] ?? 0 }
    }
    return Tensor([candidates.count, 4], values)
  }

  /// Of a level's candidates that were not looked at, those with the highest logits.
  private static func nextBelow(_ grid: AnchorGrid, _ ledger: CandidateLedger) -> [Int] {
    // Sorted as whole numbers, because a level has 200,000 of them: the logit's bits, which rise
    // with it once those of negative numbers are turned over, then the place.
    let ranked = grid.indices.compactMap { index -> UInt64? in
      let candidate = ledger[index]
      guard candidate.fate == .belowTop else { return nil }
      let bits = candidate.logit.bitPattern
      let rising = bits >> 31 == 1 ? ~bits : bits | 1 << 31
      return UInt64(~rising) << 32 | UInt64(index)
    }.sorted().map { Int($0 & 0xffff_ffff) }
    return Array(ranked.prefix(below))
  }
}
