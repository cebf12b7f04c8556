// Stages 3 and 5, what becomes of a box: one vocabulary for both ledgers, and one definition of
// suppression with a limit.

import Tensors

/// What became of one entry of a ledger: a candidate in stage 3, a pair of proposal and class in
/// stage 5.
public enum Fate: Sendable, Equatable {
  /// It is handed on: a proposal, a detection.
  case kept
  /// An entry of its group (a level in stage 3, a class in stage 5) that has a higher score and was
  /// not itself suppressed overlaps it with an IoU over the threshold: which one, by its index in
  /// the ledger, and the IoU.
  case suppressed(by: Int, overlap: Float)
  /// Its box lies outside the image: clipped, nothing was left.
  case clippedAway
  /// A side of its clipped box is below the minimum size.
  case tooSmall
  /// So many candidates of its level have a higher logit that it was not looked at.
  case belowTop
  /// It survived suppression, but as many as are handed on had higher scores.
  case beyondLimit
}

/// A fate's name alone: how a ledger's file stores it.
public enum FateName: Int, CaseIterable, Sendable {
  /// See `Fate.kept`.
  case kept
  /// See `Fate.suppressed`; by which entry is another column of the ledger.
  case suppressed
  /// See `Fate.clippedAway`.
  case clippedAway
  /// See `Fate.tooSmall`.
  case tooSmall
  /// See `Fate.belowTop`.
  case belowTop
  /// See `Fate.beyondLimit`.
  case beyondLimit

  /// The name of the fate.
  public var words: String {
    switch self {
    case .kept: "kept"
    case .suppressed: "suppressed"
    case .clippedAway: "clipped away"
    case .tooSmall: "too small"
    case .belowTop: "below the top"
    case .beyondLimit: "beyond the limit"
    }
  }

  /// `0 kept, 1 suppressed, …`: what the numbers in a ledger's column mean.
  public static func key(_ names: [FateName] = allCases) -> String {
    names.map { "\($0.rawValue) \($0.words)" }.joined(separator: ", ")
  }
}

extension Fate {
  /// The fate without what suppressed the entry.
  public var name: FateName {
    switch self {
    case .kept: .kept
    case .suppressed: .suppressed
    case .clippedAway: .clippedAway
    case .tooSmall: .tooSmall
    case .belowTop: .belowTop
    case .beyondLimit: .beyondLimit
    }
  }

  /// The fate in a ledger's columns: its name's number, the entry that suppressed it or -1, and the
  /// IoU with that or 0.
  public var columns: (fate: Float, suppressedBy: Float, overlap: Float) {
    let number = Float(name.rawValue)
    guard case .suppressed(let by, let overlap) = self else { return (number, -1, 0) }
    return (number, Float(by), overlap)
  }

  /// Reads what `columns` gave; nil where the numbers mean nothing.
  ///
  /// - Parameter count: the ledger's number of entries
  public init?(fate: Float, suppressedBy: Float, overlap: Float, count: Int) {
    guard let number = Int(exactly: fate), let name = FateName(rawValue: number) else { return nil }
    switch name {
    case .kept: self = .kept
    case .suppressed:
      guard let by = Int(exactly: suppressedBy), (0..<count).contains(by) else { return nil }
      self = .suppressed(by: by, overlap: overlap)
    case .clippedAway: self = .clippedAway
    case .tooSmall: self = .tooSmall
    case .belowTop: self = .belowTop
    case .beyondLimit: self = .beyondLimit
    }
  }
}

/// Non-maximum suppression among some entries of a ledger, of which at most `limit` are kept: those
/// that survive with the highest scores, whatever their group.
///
/// - Parameters:
///   - members: the ledger's indices of the entries that take part
///   - boxes: a box per member; `scores` and `groups` likewise
///   - threshold: IoU over which the lower-scored of two boxes of one group is suppressed
/// - Returns: `kept`, indices in the ledger by descending score, and the fate of every member in
///   the order of `members`; both name entries by their index in the ledger
/// - Complexity: as of `nonMaximumSuppression`
public func suppression(
  among members: [Int], boxes: [Box], scores: [Float], groups: [Int], threshold: Double, limit: Int
) -> (kept: [Int], fates: [Fate]) {
  let (order, decisions) = nonMaximumSuppression(
    boxes, scores: scores, groups: groups, threshold: threshold)
  var kept: [Int] = []
  var fates = [Fate](repeating: .beyondLimit, count: members.count)
  for position in order {
    switch decisions[position] {
    case .suppressed(let winner, let overlap):
      fates[position] = .suppressed(by: members[winner], overlap: overlap)
    case .kept where kept.count < limit:
      fates[position] = .kept
      kept.append(members[position])
    case .kept: break
    }
  }
  return (kept, fates)
}
