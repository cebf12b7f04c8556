// Stage 3, proposals. Paper: section 3.1; Ren et al. 2015, section 3.3; per level as in Lin et al.
// 2017, section 4.1.
//
// In: objectness, deltas and anchors per level.  Out: for each image up to 1000 boxes, and a ledger
// that describes what became of every anchor.
// N images, A anchors per cell, H W rows and columns of a level.

import Kernels
import Stage1Backbone
import Stage2Anchors
import Tensors

/// The numbers by which candidates become proposals.
public struct ProposalOptions: Sendable, Equatable {
  /// So many candidates of each level, those with the highest logits, are looked at.
  public var preNMSTopN: Int
  /// Boxes with a side below this many input pixels are dropped.
  public var minimumSize: Float
  /// IoU above which the lower-scored of two boxes of one level is suppressed.
  public var nmsThreshold: Double
  /// So many proposals are handed on.
  public var postNMSTopN: Int
  /// In which order the head's four numbers per anchor are read.
  public var deltaOrder: DeltaOrder

  /// Makes options.
  public init(
    preNMSTopN: Int, minimumSize: Float, nmsThreshold: Double, postNMSTopN: Int,
    deltaOrder: DeltaOrder
  ) {
    self.preNMSTopN = preNMSTopN
    self.minimumSize = minimumSize
    self.nmsThreshold = nmsThreshold
    self.postNMSTopN = postNMSTopN
    self.deltaOrder = deltaOrder
  }
}

extension ProposalOptions {
  /// torchvision's.
  public static let torchvision = ProposalOptions(
    preNMSTopN: 1000, minimumSize: 1e-3, nmsThreshold: 0.7, postNMSTopN: 1000, deltaOrder: .xFirst)
}

/// One pyramid level's candidates: what stage 2 predicted for every anchor.
public struct LevelCandidates: Sendable {
  /// `[N, A, H, W]`
  public var objectness: Tensor
  /// `[N, 4 A, H, W]`
  public var deltas: Tensor
  /// `H W A` boxes, the same for all images: for every row, every column, every shape.
  public var anchors: [Box]
  /// The pyramid level, 2 for P2.
  public var level: Int

  /// Makes candidates.
  ///
  /// - Parameter level: the pyramid level; of levels that follow each other only the first's counts
  public init(objectness: Tensor, deltas: Tensor, anchors: [Box], level: Int = 2) {
    self.objectness = objectness
    self.deltas = deltas
    self.anchors = anchors
    self.level = level
  }
}

extension AnchorGrids {
  /// The grids of stage 2's levels, which follow each other.
  public init(_ levels: [LevelCandidates]) {
    self.init(
      firstLevel: levels.first?.level ?? 2,
      levels.map {
        (
          rows: $0.objectness.shape[2], columns: $0.objectness.shape[3],
          shapes: $0.objectness.shape[1]
        )
      })
  }
}

/// One candidate in the ledger.
public struct Candidate: Sendable, Equatable {
  /// Index among all candidates, in the order of `AnchorGrids`.
  public var index: Int
  /// Its anchor.
  public var place: AnchorPlace
  /// The network's logit that it contains an object.
  public var logit: Float
  /// Decoded and clipped to the image, in input pixels.
  public var box: Box
  /// What became of it.
  public var fate: Fate

  /// Makes a candidate.
  public init(index: Int, place: AnchorPlace, logit: Float, box: Box, fate: Fate) {
    (self.index, self.place, self.logit) = (index, place, logit)
    (self.box, self.fate) = (box, fate)
  }
}

/// What stage 3 hands on.
public struct Proposals: Sendable {
  /// The candidates that were looked at: the top of each level, by descending logit.
  public var considered: [Int]
  /// The proposals, by descending score: indices into `ledger`. Where scores are equal (all logits
  /// over some 17 have the score 1), by their order in `considered`.
  public var kept: [Int]
  /// Every candidate, by its index.
  public var ledger: [Candidate]

  /// The proposals' boxes.
  public var boxes: [Box] { kept.map { ledger[$0].box } }
  /// The proposals' scores: the logistic function of the logit.
  public var scores: [Float] { kept.map { sigmoid(ledger[$0].logit) } }
}

/// Makes proposals of one image's candidates:
///
/// 1. decode every candidate's box and clip it to the image;
/// 2. per level, keep the `preNMSTopN` highest logits;
/// 3. drop boxes with a side under `minimumSize`;
/// 4. per level, suppress boxes whose IoU with one of a higher score is over `nmsThreshold`;
/// 5. of all levels together, hand on the `postNMSTopN` with the highest scores.
///
/// - Parameters:
///   - levels: P2 first
///   - image: which of the N images
///   - width: of the resized image, without the padding; `height` likewise
public func proposals(
  _ levels: [LevelCandidates], image: Int = 0, width: Int, height: Int, _ options: ProposalOptions
) -> Proposals {
  let grids = AnchorGrids(levels)
  var ledger: [Candidate] = []
  ledger.reserveCapacity(grids.count)
  var considered: [Int] = []
  for (grid, level) in zip(grids.levels, levels) {
    let decoded = Threads.map(grid.rows) { row in
      decodedRow(row, of: level, grid, image: image, options.deltaOrder) {
        $0.clipped(width: Float(width), height: Float(height))
      }
    }
    for candidates in decoded { ledger += candidates }
    considered += highest(options.preNMSTopN, of: ledger, in: grid.indices)
  }

  var survivors: [Int] = []
  for index in considered {
    let box = ledger[index].box
    let isOutside =
      box.x2 <= 0 || box.y2 <= 0 || box.x1 >= Float(width) || box.y1 >= Float(height)
    if isOutside {
      ledger[index].fate = .clippedAway
    } else if !box.isAtLeast(options.minimumSize) {
      ledger[index].fate = .tooSmall
    } else {
      survivors.append(index)
    }
  }

  let (kept, fates) = suppression(
    among: survivors, boxes: survivors.map { ledger[$0].box },
    scores: survivors.map { sigmoid(ledger[$0].logit) },
    groups: survivors.map { ledger[$0].place.level }, threshold: options.nmsThreshold,
    limit: options.postNMSTopN)
  for (index, fate) in zip(survivors, fates) { ledger[index].fate = fate }
  return Proposals(considered: considered, kept: kept, ledger: ledger)
}

/// The candidates of one row of a level's cells, with clipped boxes, none of them looked at yet.
private func decodedRow(
  _ row: Int, of level: LevelCandidates, _ grid: AnchorGrid, image: Int, _ order: DeltaOrder,
  clipped: (Box) -> Box
) -> [Candidate] {
  // Where dx, dy, dw and dh are among a candidate's four numbers, which are `cells` apart.
  let (x, y) = order == .xFirst ? (0, grid.cells) : (grid.cells, 0)
  let (width, height) = (2 * grid.cells + x, 2 * grid.cells + y)
  var candidates: [Candidate] = []
  candidates.reserveCapacity(grid.columns * grid.shapes)
  for column in 0..<grid.columns {
    for shape in 0..<grid.shapes {
      let index = grid.index(row: row, column: column, shape: shape)
      let first = grid.deltaOffset(image: image, row: row, column: column, shape: shape)
      let deltas = level.deltas.values
      let box = BoxCoder.proposals.decode(
        deltas[first + x], deltas[first + y], deltas[first + width], deltas[first + height],
        reference: level.anchors[index - grid.first])
      let logit = level.objectness.values[
        grid.logitOffset(image: image, row: row, column: column, shape: shape)]
      candidates.append(
        Candidate(
          index: index,
          place: AnchorPlace(level: grid.level, row: row, column: column, shape: shape),
          logit: logit, box: clipped(box), fate: .belowTop))
    }
  }
  return candidates
}

/// The `most` candidates with the highest logits in a part of the ledger, by descending logit; of
/// equal logits the earlier first.
private func highest(_ most: Int, of ledger: [Candidate], in range: Range<Int>) -> [Int] {
  let count = min(most, range.count)
  var best: [Int] = []
  // What is not over this has `count` better ones, or equal ones that came earlier.
  var floor = -Float.infinity
  for index in range where best.count < count || ledger[index].logit > floor {
    best.append(index)
    guard best.count == 2 * count else { continue }
    // Sorting twice `count` now and then costs far less than sorting a level.
    best = Array(ranked(best, in: ledger).prefix(count))
    floor = best.last.map { ledger[$0].logit } ?? floor
  }
  return Array(ranked(best, in: ledger).prefix(count))
}

private func ranked(_ indices: [Int], in ledger: [Candidate]) -> [Int] {
  indices.sorted { a, b in
    ledger[a].logit > ledger[b].logit || (ledger[a].logit == ledger[b].logit && a < b)
  }
}
