import Tensors

// The ledger as files: a matrix for programs, a table for people.

/// The ledger as a matrix `[entries, 10]`: proposal, class, score, the box, fate, by, overlap.
func ledgerTensor(_ ledger: [ScoredBox]) -> Tensor {
  let values = ledger.flatMap { entry -> [Float] in
    let fate: [Float] =
      switch entry.fate {
      case .kept: [0, -1, 0]
      case .suppressed(let by, let overlap): [1, Float(by), overlap]
      case .tooSmall: [2, -1, 0]
      case .beyondLimit: [3, -1, 0]
      }
    let box = entry.box
    return [Float(entry.proposal), Float(entry.label), entry.score, box.x1, box.y1, box.x2, box.y2]
      + fate
  }
  return Tensor([ledger.count, 10], values)
}

/// The ledger as a table with a header, one line per pair of proposal and class.
func ledgerCSV(_ ledger: [ScoredBox], classNames: [String]) -> [UInt8] {
  var text = "entry,proposal,class,name,score,x1,y1,x2,y2,fate,suppressed by,overlap\n"
  for (index, entry) in ledger.enumerated() {
    let name = classNames.indices.contains(entry.label) ? classNames[entry.label] : ""
    let quoted = "\"\(name.replacing("\"", with: "\"\""))\""
    let fate =
      switch entry.fate {
      case .kept: "kept,,"
      case .suppressed(let by, let overlap): "suppressed,\(by),\(overlap)"
      case .tooSmall: "too small,,"
      case .beyondLimit: "beyond the limit,,"
      }
    let box = entry.box
    text += "\(index),\(entry.proposal),\(entry.label),\(quoted),\(entry.score),"
    text += "\(box.x1),\(box.y1),\(box.x2),\(box.y2),\(fate)\n"
  }
  return Array(text.utf8)
}
