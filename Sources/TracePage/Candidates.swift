import Stage0Input
import Stage1Backbone
import Stage3Proposals
import Tensors
import Tracing

/// What the page knows of stage 3's candidates besides the arrays `candidates/…`.
///
/// Carried are all that were looked at (the top k of each level, in the trace's order, so by falling
/// logit within a level), then of each level the next few below: all anchors would be many
/// megabytes.
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
}

/// One level's grid of anchors.
struct CandidateLevel: Encodable {
  /// `P2`
  let name: String
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
  static let below = 300

  /// Adds what the trace says of the candidates; nil where it lacks stage 2 or 3.
  static func gather(_ source: PageSource, _ data: inout PageData) throws -> CandidatesContent? {
    guard source.has("2-anchors", "base_anchors", "strides"),
      source.isCurrent("3-proposals"),
      source.has("3-proposals", "ledger", "candidates.index", "proposal_index")
    else { return nil }
    let stage = try source.trace.stage("3-proposals")
    let ledger = try Ledger(stage.tensor("ledger"))
    let considered = try stage.integers("candidates.index")
    guard let levels = try levels(source), let ledger,
      levels.reduce(0, { $0 + $1.anchors }) == ledger.count,
      considered.allSatisfy({ (0..<ledger.count).contains($0) }),
      let settings = try? ProposalsStage().withOptions(of: stage).settings
    else { return nil }

    let carried = considered + levels.flatMap { ledger.nextBelow($0.first, $0.anchors) }
    let places = Dictionary(
      carried.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { a, _ in a })
    let count = carried.count
    data.add("candidates/index", integers: carried, shape: [count])
    data.add(
      "candidates/logits", Tensor([count], carried.map { ledger[$0, .logit] }), as: .float32)
    data.add(
      "candidates/boxes", Tensor([count, 4], carried.flatMap(ledger.box)), as: .float32)
    data.add(
      "candidates/deltas", try deltas(carried, levels, settings.deltaOrder, source), as: .float32)
    data.add(
      "candidates/fates", bytes: carried.map { UInt8(clamping: Int(ledger[$0, .fate])) },
      shape: [count])
    data.add(
      "candidates/by", integers: carried.map { places[Int(ledger[$0, .by])] ?? -1 },
      shape: [count])
    let proposals = try stage.integers("proposal_index")
    data.add(
      "candidates/proposals", integers: proposals.map { places[$0] ?? -1 },
      shape: [proposals.count])
    return CandidatesContent(
      levels: levels, considered: considered.count, anchors: ledger.count,
      preNMSTopN: settings.preNMSTopN, minimumSize: Double(settings.minimumSize),
      nmsThreshold: settings.nmsThreshold, postNMSTopN: settings.postNMSTopN,
      deltaOrder: settings.deltaOrder.rawValue)
  }

  private static func levels(_ source: PageSource) throws -> [CandidateLevel]? {
    let stage = try source.trace.stage("2-anchors")
    let base = try stage.tensor("base_anchors")  // [L, A, 4]
    let strides = try stage.integers("strides")  // [L, 2]
    let names = BackboneStage.levels
    guard base.shape.rank == 3, base.shape[0] == names.count, base.shape[2] == 4,
      strides.count == 2 * names.count
    else { return nil }
    let shapes = base.shape[1]
    var levels: [CandidateLevel] = []
    var first = 0
    for (number, name) in names.enumerated() {
      guard source.has("2-anchors", "deltas.\(name)") else { return nil }
      let deltas = try stage.tensor("deltas.\(name)").shape  // [1, 4 A, H, W]
      guard deltas.rank == 4, deltas[0] == 1, deltas[1] == 4 * shapes else { return nil }
      let anchors = deltas[2] * deltas[3] * shapes
      levels.append(
        CandidateLevel(
          name: name, rows: deltas[2], columns: deltas[3],
          stride: [strides[2 * number], strides[2 * number + 1]], first: first, anchors: anchors,
          base: (0..<shapes).map { shape in
            (0..<4).map { base.values[(number * shapes + shape) * 4 + $0] }
          }))
      first += anchors
    }
    return levels
  }

  /// dx dy dw dh of each candidate, as stage 3 understood the network's four numbers.
  ///
  /// - Returns: `[candidates.count, 4]`
  private static func deltas(
    _ candidates: [Int], _ levels: [CandidateLevel], _ order: DeltaOrder, _ source: PageSource
  ) throws -> Tensor {
    let stage = try source.trace.stage("2-anchors")
    let tensors = try levels.map { try stage.tensor("deltas.\($0.name)") }  // [1, 4 A, H, W]
    // Where each of dx dy dw dh stands among the four.
    let places = order == .xFirst ? [0, 1, 2, 3] : [1, 0, 3, 2]
    let values = candidates.flatMap { index -> [Float] in
      let number = levels.lastIndex { $0.first <= index } ?? 0
      let level = levels[number]
      let (cell, shape) = (index - level.first)
        .quotientAndRemainder(dividingBy: level.base.count)
      let cells = level.rows * level.columns
      return places.map { tensors[number].values[(4 * shape + $0) * cells + cell] }
    }
    return Tensor([candidates.count, 4], values)
  }
}

/// `3-proposals/ledger.npy`: a row per anchor.
private struct Ledger {
  /// Columns of the file that are read here.
  enum Column: Int {
    case logit = 4
    case x1 = 5
    case fate = 9
    case by = 10
  }

  private static let width = 12
  private let tensor: Tensor

  init?(_ tensor: Tensor) {
    guard tensor.shape.rank == 2, tensor.shape[1] == Self.width,
      // Fates and places are counted with.
      tensor.values.allSatisfy({ $0.magnitude < 0x1p31 })
    else { return nil }
    self.tensor = tensor
  }

  var count: Int { tensor.shape[0] }

  subscript(candidate: Int, column: Column) -> Float {
    tensor.values[candidate * Self.width + column.rawValue]
  }

  func box(_ candidate: Int) -> [Float] {
    let start = candidate * Self.width + Column.x1.rawValue
    return Array(tensor.values[start..<start + 4])
  }

  /// Of the candidates of a level that were not looked at, those with the highest logits.
  func nextBelow(_ first: Int, _ anchors: Int) -> [Int] {
    let belowTop: Float = 4
    // Sorted as whole numbers, because a level has 200,000 of them: the logit's bits, which rise
    // with it once those of negative numbers are turned over, then the place.
    let ranked = (first..<first + anchors).filter { self[$0, .fate] == belowTop }.map { index in
      let bits = self[index, .logit].bitPattern
      let rising = bits >> 31 == 1 ? ~bits : bits | 1 << 31
      return UInt64(~rising) << 32 | UInt64(index)
    }.sorted().map { Int($0 & 0xffff_ffff) }
    return Array(ranked.prefix(CandidatesContent.below))
  }
}
