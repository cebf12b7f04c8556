import Stage0Input
import Stage3Proposals
import Stage5Heads
import Tensors
import Tracing

extension Exhibit {
  /// One candidate from its anchor to its mask. It is in the section of stage 3, not at the end,
  /// because the candidate is chosen there, and a trace that ends with the proposals has it too.
  static let biography = Exhibit(
    name: "biography",
    uses: [
      "shared/scene", "suppression/nms", "suppression/candidates", "masks/paste", "biography/heads",
      "biography/life", "biography/learning", "biography/stories",
    ],
    stage: "3-proposals", title: "One candidate, step by step",
    lead: """
      Follow one anchor through all stages, with its own numbers in every formula, until it \
      becomes a mask or is dropped. The steps go on to the right.
      """
  ) { source, data in
    guard let candidates = try CandidatesContent.gather(source, &data) else { return nil }
    return BiographyContent(
      candidates: candidates, roi: try RoIContent.gather(source, &data),
      heads: try HeadsContent.gather(source, &data),
      masks: try MasksContent.gather(source, &data),
      learning: try LearningContent.gather(source, candidates: candidates.carried, &data))
  }
}

/// What the biography's script is given.
private struct BiographyContent: Encodable {
  let candidates: CandidatesContent
  /// Nil where stage 4 did not run.
  let roi: RoIContent?
  /// Nil where stage 5 did not run.
  let heads: HeadsContent?
  /// Nil where stage 5 or 6 did not run.
  let masks: MasksContent?
  /// Nil where stage 7 did not run.
  let learning: LearningContent?
}

/// What stage 4 stored of each proposal: the array `roi/levels`, 2 for P2.
private struct RoIContent: Encodable {
  let bins: Int
  /// The operator's name: align, pool, …
  let operation: String
  /// Which level a proposal is read from.
  let rule: LevelRule

  static func gather(_ source: PageSource, _ data: inout PageData) throws -> RoIContent? {
    guard source.isCurrent("4-roi"), source.has("4-roi", "levels") else { return nil }
    let stage = try source.trace.stage("4-roi")
    let levels = try stage.integers("levels")
    guard try levels.count == source.proposalCount() else { return nil }
    data.add("roi/levels", bytes: levels.map { UInt8(clamping: $0) }, shape: [levels.count])
    let options = stage.record.options
    return RoIContent(
      bins: Int(options["bins"]?.number ?? 0), operation: options["operator"]?.description ?? "",
      rule: LevelRule(source.roiReading.assignment))
  }
}

/// What stage 5 stored of each proposal.
///
/// - `heads/classes`, `heads/logits`, `heads/scores`, `[R, S]`: the S classes of each proposal that
///   are shown, the background first;
/// - `heads/pairs`, `[pairs, 5]`: proposal, class, fate, by which pair (or -1), detection (or -1).
///   The fates are those of `FateName`; below the top is a score that did not pass the threshold.
///   First the ledger's pairs, then the best class of every proposal of which no class passed;
/// - `heads/values`, `[pairs, 9]`: score, dx dy dw dh, and the refined box.
private struct HeadsContent: Encodable {
  /// Background first.
  let classNames: [String]
  /// Classes there are.
  let classes: Int
  let detections: Int
  let scoreThreshold: Double
  let minimumSize: Double
  let nmsThreshold: Double
  let detectionsPerImage: Int

  /// At most so many classes of a proposal are shown.
  static let mostClasses = 6

  static func gather(_ source: PageSource, _ data: inout PageData) throws -> HeadsContent? {
    guard let heads = try HeadsTensors(source),
      let scoreThreshold = heads.options["scoreThreshold"]?.number,
      let minimumSize = heads.options["minimumSize"]?.number,
      let nmsThreshold = heads.options["nmsThreshold"]?.number,
      let detectionsPerImage = heads.options["detectionsPerImage"]?.number
    else { return nil }
    let shown = (0..<heads.proposals).map { heads.shownClasses($0, most: mostClasses) }
    let shape: Shape = [heads.proposals, min(heads.classes, mostClasses)]
    data.add("heads/classes", integers: shown.flatMap { $0 }, shape: shape.extents)
    for (name, tensor) in [("logits", heads.logits), ("scores", heads.scores)] {
      let values = shown.enumerated().flatMap { proposal, labels in
        labels.map { tensor.values[proposal * heads.classes + $0] }
      }
      data.add("heads/\(name)", Tensor(shape, values), as: .float32)
    }
    addPairs(heads, &data)
    return HeadsContent(
      classNames: heads.options["classNames"]?.texts ?? [], classes: heads.classes,
      detections: heads.detections.count, scoreThreshold: scoreThreshold, minimumSize: minimumSize,
      nmsThreshold: nmsThreshold, detectionsPerImage: Int(detectionsPerImage))
  }

  private static func addPairs(_ heads: HeadsTensors, _ data: inout PageData) {
    let detections = Dictionary(
      uniqueKeysWithValues: heads.detections.enumerated().map { ($0.element, $0.offset) })
    var pairs: [[Int]] = []
    var values: [Float] = []
    func add(_ pair: [Int], score: Float, box: [Float]) {
      let place = 4 * (pair[0] * heads.classes + pair[1])
      pairs.append(pair)
      values += [score] + heads.deltas.values[place..<place + 4] + box
    }
    for (index, entry) in heads.ledger.enumerated() {
      var suppressedBy = -1
      if case .suppressed(let winner, _) = entry.fate { suppressedBy = winner }
      add(
        [
          entry.proposal, entry.label, entry.fate.name.rawValue, suppressedBy,
          detections[index] ?? -1,
        ], score: entry.score, box: [entry.box.x1, entry.box.y1, entry.box.x2, entry.box.y2])
    }
    let passed = Set(heads.ledger.map(\.proposal))
    for proposal in 0..<heads.proposals where !passed.contains(proposal) {
      guard let best = heads.ranked(proposal).first else { continue }
      let place = proposal * heads.classes + best
      add(
        [proposal, best, FateName.belowTop.rawValue, -1, -1], score: heads.scores.values[place],
        box: Array(heads.refined.values[4 * place..<4 * place + 4]))
    }
    data.add("heads/pairs", integers: pairs.flatMap { $0 }, shape: [pairs.count, 5])
    data.add("heads/values", Tensor([pairs.count, 9], values), as: .float32)
  }
}

/// The tensors of stage 5 that fit each other and the proposals.
struct HeadsTensors {
  let options: [String: OptionValue]
  /// `[R, K]`
  let logits: Tensor
  /// `[R, K]`
  let scores: Tensor
  /// `[R, 4 K]`
  let deltas: Tensor
  /// `[R, K, 4]`
  let refined: Tensor
  /// The pairs of proposal and class over the score threshold.
  let ledger: [DetectionCandidate]
  /// The entries of the ledger that are detections, by descending score.
  let detections: [Int]

  var proposals: Int { scores.shape[0] }
  var classes: Int { scores.shape[1] }

  /// Nil where stage 5 did not run, or ran on other proposals.
  init?(_ source: PageSource) throws {
    guard source.isCurrent("5-heads"),
      source.has(
        "5-heads", "class_logits", "class_scores", "box_deltas", "refined", "ledger", "proposal",
        "labels")
    else { return nil }
    let stage = try source.trace.stage("5-heads")
    options = stage.record.options
    logits = try stage.tensor("class_logits")
    scores = try stage.tensor("class_scores")
    deltas = try stage.tensor("box_deltas")
    refined = try stage.tensor("refined")
    let ledger = try stage.detectionLedger()
    self.ledger = ledger
    guard scores.shape.rank == 2, logits.shape == scores.shape,
      deltas.count == 4 * scores.count, refined.count == 4 * scores.count,
      try scores.shape[0] == source.proposalCount()
    else { return nil }
    let (proposals, classes) = (scores.shape[0], scores.shape[1])
    guard
      ledger.allSatisfy({
        (0..<proposals).contains($0.proposal) && (0..<classes).contains($0.label)
      })
    else { return nil }
    func key(_ proposal: Int, _ label: Int) -> Int { proposal &* classes &+ label }
    let entries = Dictionary(
      ledger.enumerated().map { (key($0.element.proposal, $0.element.label), $0.offset) }
    ) { first, _ in first }
    let found = zip(try stage.integers("proposal"), try stage.integers("labels"))
    detections = found.compactMap { entries[key($0, $1)] }
    guard try detections.count == stage.integers("labels").count,
      Set(detections).count == detections.count
    else { return nil }
  }

  /// The classes but the background, by descending score for a proposal.
  func ranked(_ proposal: Int) -> [Int] {
    let row = proposal * classes
    return (1..<max(classes, 1)).sorted { a, b in
      let (left, right) = (scores.values[row + a], scores.values[row + b])
      return left > right || (left == right && a < b)
    }
  }

  /// The background and the classes with the highest scores for a proposal, in the order of the
  /// classes.
  func shownClasses(_ proposal: Int, most: Int) -> [Int] {
    guard classes > most else { return Array(0..<classes) }
    return [0] + ranked(proposal).prefix(most - 1).sorted()
  }
}

extension PageSource {
  /// How many proposals stage 3 handed on; 0 where it did not run.
  func proposalCount() throws -> Int {
    guard trace.has("3-proposals") else { return 0 }
    return try trace.stage("3-proposals").count("proposal_index")
  }
}
