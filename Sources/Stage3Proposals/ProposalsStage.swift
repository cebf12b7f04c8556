import Figures
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Tensors
import Tracing

/// Stage 3 in a trace: objectness, deltas and anchors to proposals, and the ledger of all anchors.
public struct ProposalsStage: Stage {
  /// The folder in a trace.
  public static let name = "3-proposals"
  /// What the stage computes.
  public static let title = "Proposals: decoded, clipped, filtered and suppressed candidates."

  /// The numbers by which candidates become proposals.
  public var options: ProposalOptions

  /// Makes the stage; the default numbers are torchvision's.
  public init(_ options: ProposalOptions = .torchvision) { self.options = options }

  /// What stage 2 left of every level.
  public static let inputs = ["objectness", "deltas", "anchors"].map {
    StageInput(AnchorsStage.name, "\($0).P2", to: "\($0).P6")
  }

  /// Reads 0-input and 2-anchors; writes `proposals`, `scores` and the ledger.
  public func run(_ folder: StageWriter) throws {
    let input = try folder.read("0-input")
    let size = try InputSizes(input).resized
    let anchors = try folder.read("2-anchors")
    let levels = try LevelCandidates.all(anchors)
    folder.report("decoding and suppressing")
    let result = proposals(levels, width: size.width, height: size.height, options)

    try folder.add(
      "candidates.index", integers: result.considered, kind: .category, axes: ["T"],
      units: "candidate", note: "the top of each level, by descending logit")
    try folder.add(
      "candidates.boxes", boxes: result.considered.map { result.ledger[$0].box }, axis: "T",
      note: "decoded and clipped")
    try folder.add(
      "candidates.logits",
      Tensor([result.considered.count], result.considered.map { result.ledger[$0].logit }),
      axes: ["T"], units: "logit", note: "objectness")
    try folder.add(
      "proposals", boxes: result.boxes, axis: "R", note: "what stage 4 reads, by descending score")
    try folder.add(
      "scores", Tensor([result.kept.count], result.scores), axes: ["R"], units: "probability",
      note: "the logistic function of the objectness")
    try folder.add(
      "proposal_index", integers: result.kept, kind: .category, axes: ["R"],
      units: "candidate", note: "which candidate each proposal is")
    folder.report("ledger")
    try folder.add(
      "ledger", ledgerTensor(result.ledger), exactly: true,
      axes: ["candidate", LedgerColumn.names], units: "as the column says",
      categoryColumns: LedgerColumn.categories, note: LedgerColumn.note)
    try folder.addFile(
      "ledger.csv", ledgerCSV(result.ledger), caption: "Every candidate and its fate")
    guard folder.drawsFigures else { return }
    try folder.add(
      ProposalsDrawing(
        backdrop: input.backdrop(), proposals: result, options: options
      ).figures)
  }
}

extension ProposalsStage {
  /// How many candidates became how many proposals.
  public static func outcome(_ folder: StageFolder) -> String {
    "\(folder.count("candidates.index")) candidates to \(folder.count("proposals")) proposals"
  }
}

extension LevelCandidates {
  /// What stage 2 left of all levels, the finest first.
  ///
  /// - Throws: `Fault` if there is none, or one is damaged, or its parts do not fit each other.
  public static func all(_ folder: StageFolder) throws -> [LevelCandidates] {
    let levels = folder.levels("anchors.P")
    guard let first = levels.first, levels == Array(first..<first + levels.count) else {
      throw Fault(
        folder.folder.path, "the levels \(levels) do not follow each other",
        remedy: "Run the stage anchors again")
    }
    return try levels.map { try LevelCandidates(folder, level: $0) }
  }

  /// What stage 2 left of one level.
  ///
  /// - Throws: `Fault` if it is missing or damaged, or its parts do not fit each other.
  public init(_ folder: StageFolder, level number: Int) throws {
    let level = "P\(number)"
    let objectness = try folder.tensor("objectness.\(level)")
    let deltas = try folder.tensor("deltas.\(level)")
    let anchors = try folder.boxes("anchors.\(level)")
    guard objectness.shape.rank == 4, deltas.shape.rank == 4, objectness.shape[0] == 1,
      deltas.shape[1] == 4 * objectness.shape[1], deltas.count == 4 * objectness.count,
      anchors.count == objectness.count,
      objectness.isFinite, deltas.isFinite
    else {
      throw Fault(
        folder.folder.path,
        "objectness \(objectness.shape), deltas \(deltas.shape) and "
          + "\(anchors.count) anchors of \(level) do not fit each other, or are no numbers",
        remedy: "Run the stage anchors again")
    }
    self.init(objectness: objectness, deltas: deltas, anchors: anchors, level: number)
  }
}
