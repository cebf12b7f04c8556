import Stage2Anchors
import Tensors
import Tracing

// The ledgers of stage 7 as tables for people; programs read the tensors.

extension MatchLabel {
  /// The label in a word.
  var word: String {
    switch self {
    case .positive: "positive"
    case .negative: "negative"
    case .ignored: "ignored"
    }
  }
}

/// The columns of `anchors.csv`.
private enum AnchorColumn: String, CaseIterable {
  case anchor, level, row, column, shape, x1, y1, x2, y2
  /// With the object that the anchor overlaps most.
  case iou
  /// Which object that is.
  case truth
  case label
  /// Whether no other anchor overlaps some object more.
  case best
  case sampled
  /// Of a positive anchor of the sample.
  case dx, dy, dw, dh
}

/// The columns of `rois.csv`.
private enum RoIColumn: String, CaseIterable {
  case candidate
  /// `proposal` or `truth`.
  case from
  case x1, y1, x2, y2, iou, truth, label
  /// The place in the sample.
  case sampled
  /// Of the sampled RoI; 0 for background.
  case roiClass = "class"
  case name
  /// Of a positive RoI of the sample, weighted.
  case dx, dy, dw, dh
}

/// Every anchor that is sampled, positive or ignored: a line each, with a header.
///
/// - Parameter boxes: of all anchors
func anchorLedgerCSV(_ targets: AnchorTargets, _ boxes: [Box], _ grids: AnchorGrids) -> [UInt8] {
  let sampled = targets.isSampled
  let deltas = places(of: targets.positives)
  let lines = targets.matches.indices.filter { index in
    sampled[index] || targets.matches[index].label != .negative
  }.map { index in
    let (match, place, box) = (targets.matches[index], grids.place(of: index), boxes[index])
    return line(AnchorColumn.self) { column in
      switch column {
      case .anchor: "\(index)"
      case .level: "\(place.level)"
      case .row: "\(place.row)"
      case .column: "\(place.column)"
      case .shape: "\(place.shape)"
      case .x1: "\(box.x1)"
      case .y1: "\(box.y1)"
      case .x2: "\(box.x2)"
      case .y2: "\(box.y2)"
      case .iou: "\(match.overlap)"
      case .truth: match.truth.map { "\($0)" } ?? ""
      case .label: match.label.word
      case .best: match.isBest ? "1" : "0"
      case .sampled: sampled[index] ? "1" : "0"
      case .dx: delta(targets.deltas, deltas[index], 0)
      case .dy: delta(targets.deltas, deltas[index], 1)
      case .dw: delta(targets.deltas, deltas[index], 2)
      case .dh: delta(targets.deltas, deltas[index], 3)
      }
    }
  }
  return table(AnchorColumn.self, lines)
}

/// Every candidate: a line each, with a header.
///
/// - Parameter proposals: how many of the candidates are proposals
func roiLedgerCSV(
  _ targets: RoITargets, proposals: Int, classNames: [String]
) -> [UInt8] {
  let sampled = places(of: targets.sampled)
  let positives = places(of: targets.positives)
  let lines = targets.candidates.indices.map { index in
    let (match, box, roi) = (targets.matches[index], targets.candidates[index], sampled[index])
    let label = roi.map { targets.labels[$0] }
    let positive = roi.flatMap { positives[$0] }
    return line(RoIColumn.self) { column in
      switch column {
      case .candidate: "\(index)"
      case .from: index < proposals ? "proposal" : "truth"
      case .x1: "\(box.x1)"
      case .y1: "\(box.y1)"
      case .x2: "\(box.x2)"
      case .y2: "\(box.y2)"
      case .iou: "\(match.overlap)"
      case .truth: match.truth.map { "\($0)" } ?? ""
      case .label: match.label.word
      case .sampled: roi.map { "\($0)" } ?? ""
      case .roiClass: label.map { "\($0)" } ?? ""
      case .name:
        label.map { classNames.indices.contains($0) ? classNames[$0] : "" }.map(quotedCSV) ?? ""
      case .dx: delta(targets.deltas, positive, 0)
      case .dy: delta(targets.deltas, positive, 1)
      case .dw: delta(targets.deltas, positive, 2)
      case .dh: delta(targets.deltas, positive, 3)
      }
    }
  }
  return table(RoIColumn.self, lines)
}

/// The place of each number in a list.
private func places(of numbers: [Int]) -> [Int: Int] {
  Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, $0) })
}

private func delta(_ deltas: Tensor, _ row: Int?, _ coordinate: Int) -> String {
  row.map { "\(deltas[$0, coordinate])" } ?? ""
}

private func line<Column: CaseIterable>(
  _ columns: Column.Type, _ cell: (Column) -> String
) -> String {
  columns.allCases.map(cell).joined(separator: ",")
}

private func table<Column: CaseIterable & RawRepresentable<String>>(
  _ columns: Column.Type, _ lines: [String]
) -> [UInt8] {
  let header = columns.allCases.map { $0.rawValue }.joined(separator: ",")
  return Array((([header] + lines).joined(separator: "\n") + "\n").utf8)
}
