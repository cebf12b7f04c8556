// Stage 3, proposals. Paper: section 3.1; Ren et al. 2015, section 3.3; per level as in Lin et al.
// 2017, section 4.1.
//
// In: objectness, deltas and anchors per level.  Out: up to 1000 boxes, and a ledger that says of
// every anchor what became of it.
// A anchors per cell, H W rows and columns of a level.

import Kernels
import Tensors

/// The numbers by which candidates become proposals.
public struct ProposalOptions: Sendable, Equatable {
  /// So many candidates of each level, those with the highest logits, are looked at.
  public var preNMSTopN: Int
  /// Boxes with a side below this many pixels are dropped.
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

/// One pyramid level's candidates: what stage 2 said of every anchor.
public struct LevelCandidates: Sendable {
  /// `[1, A, H, W]`
  public var objectness: Tensor
  /// `[1, 4 A, H, W]`
  public var deltas: Tensor
  /// `H W A` boxes: for every row, every column, every shape.
  public var anchors: [Box]

  /// Makes candidates.
  public init(objectness: Tensor, deltas: Tensor, anchors: [Box]) {
    self.objectness = objectness
    self.deltas = deltas
    self.anchors = anchors
  }

  var anchorsPerCell: Int { objectness.shape[1] }
  var cells: Int { objectness.shape[2] * objectness.shape[3] }

  /// The logit of candidate `index`, which counts as the anchors do.
  func logit(_ index: Int) -> Float {
    let (cell, shape) = index.quotientAndRemainder(dividingBy: anchorsPerCell)
    return objectness.values[shape * cells + cell]
  }

  /// The box that candidate `index` predicts.
  func box(_ index: Int, _ order: DeltaOrder) -> Box {
    let (cell, shape) = index.quotientAndRemainder(dividingBy: anchorsPerCell)
    let first = 4 * shape * cells + cell
    let (x, y) = order == .xFirst ? (0, cells) : (cells, 0)
    return BoxCoder.proposals.decode(
      deltas.values[first + x], deltas.values[first + y], deltas.values[first + 2 * cells + x],
      deltas.values[first + 2 * cells + y], reference: anchors[index])
  }
}

/// What became of one candidate.
public enum CandidateFate: Sendable, Equatable {
  /// It is a proposal.
  case kept
  /// A better candidate of its level covers it.
  case suppressed(by: Int, overlap: Float)
  /// Its box lies outside the image: clipped, nothing was left.
  case clippedAway
  /// A side of its clipped box was below the least.
  case tooSmall
  /// So many of its level had a higher logit that it was not looked at.
  case belowTop
  /// It survived suppression, but enough proposals had higher scores.
  case beyondLimit
}

/// One candidate in the ledger.
public struct Candidate: Sendable {
  /// Index among all candidates: level after level, each by row, column, shape.
  public var index: Int
  /// Pyramid level, 0 for P2.
  public var level: Int
  /// Row of its cell in the level's grid.
  public var row: Int
  /// Column of its cell.
  public var column: Int
  /// Which of the anchors of its cell.
  public var shape: Int
  /// How sure the network is that it holds an object.
  public var logit: Float
  /// Decoded and clipped to the image.
  public var box: Box
  /// What became of it.
  public var fate: CandidateFate
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

/// Makes proposals of candidates:
///
/// 1. decode every candidate's box and clip it to the image;
/// 2. per level, keep the `preNMSTopN` highest logits;
/// 3. drop boxes with a side under `minimumSize`;
/// 4. per level, suppress boxes that a better one covers (IoU over `nmsThreshold`);
/// 5. of all levels together, hand on the `postNMSTopN` best.
///
/// - Parameters:
///   - levels: P2 first
///   - width: of the resized image, without the padding; `height` likewise
public func proposals(
  _ levels: [LevelCandidates], width: Int, height: Int, _ options: ProposalOptions
) -> Proposals {
  var ledger: [Candidate] = []
  ledger.reserveCapacity(levels.reduce(0) { $0 + $1.anchors.count })
  var considered: [Int] = []
  for (number, level) in levels.enumerated() {
    let offset = ledger.count
    let (rows, columns) = (level.objectness.shape[2], level.objectness.shape[3])
    let decoded = Threads.map(rows) { row in
      (0..<columns * level.anchorsPerCell).map { place in
        let (column, shape) = place.quotientAndRemainder(dividingBy: level.anchorsPerCell)
        let index = row * columns * level.anchorsPerCell + place
        let box = level.box(index, options.deltaOrder)
          .clipped(width: Float(width), height: Float(height))
        return Candidate(
          index: offset + index, level: number, row: row, column: column, shape: shape,
          logit: level.logit(index), box: box, fate: .belowTop)
      }
    }
    for candidates in decoded { ledger += candidates }
    considered += highest(options.preNMSTopN, of: ledger, in: offset..<ledger.count)
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

  let (order, decisions) = nonMaximumSuppression(
    survivors.map { ledger[$0].box }, scores: survivors.map { sigmoid(ledger[$0].logit) },
    groups: survivors.map { ledger[$0].level }, threshold: options.nmsThreshold)
  var kept: [Int] = []
  for position in order {
    let index = survivors[position]
    switch decisions[position] {
    case .suppressed(let by, let overlap):
      ledger[index].fate = .suppressed(by: survivors[by], overlap: overlap)
    case .kept where kept.count < options.postNMSTopN:
      ledger[index].fate = .kept
      kept.append(index)
    case .kept:
      ledger[index].fate = .beyondLimit
    }
  }
  return Proposals(considered: considered, kept: kept, ledger: ledger)
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
