import Stage5Heads
import Stage7Targets
import Tensors
import Tracing

// What stage 8 stores in a trace, written and read.
//
// S sampled anchors, R sampled RoIs, P positive ones of either, K classes, M side of a mask.

extension LossName {
  /// The loss in a word or two.
  public var words: String {
    switch self {
    case .objectness: "objectness"
    case .rpnBoxes: "RPN boxes"
    case .classes: "classes"
    case .boxes: "boxes"
    case .masks: "masks"
    }
  }

  /// What the elements of the loss are.
  fileprivate var axes: [String] {
    switch self {
    case .objectness: ["S"]
    case .classes: ["R"]
    case .rpnBoxes, .boxes: ["P", "dx dy dw dh"]
    case .masks: ["P", "M", "M"]
    }
  }

  /// What each element of the loss is, for `stage.json`.
  fileprivate var note: String {
    switch self {
    case .objectness:
      "binary cross-entropy of each sampled anchor, in the order of anchors.sampled; divided by S"
    case .rpnBoxes:
      "smooth L1 of each positive anchor's deltas, in the order of anchors.positives; divided by S"
    case .classes:
      "cross-entropy of each sampled RoI, in the order of rois.sampled; divided by R"
    case .boxes:
      "smooth L1 of each positive RoI's deltas for its class, in the order of rois.positives; "
        + "divided by R"
    case .masks:
      "binary cross-entropy of each pixel of the class's mask, in the order of rois.positives; "
        + "divided by their number"
    }
  }
}

extension StageWriter {
  /// Writes the five losses with all their parts.
  func add(_ losses: TrainingLosses) throws {
    let names = LossName.allCases
    let axis = names.map(\.rawValue).joined(separator: " ")
    try add(
      "losses", Tensor([names.count], names.map { losses[$0].value }), exactly: true, axes: [axis],
      units: "loss", note: "the sum of the parts, divided; training makes their total smaller")
    try add(
      "divisors", integers: names.map { losses[$0].divisor }, kind: .quantity, axes: [axis],
      units: "elements", note: "what the sum of each loss's parts is divided by")
    for name in names {
      let elements = losses[name].elements
      // Of all classes' masks there is one axis more.
      let axes = elements.shape.rank == 4 ? ["P", "K", "M", "M"] : name.axes
      try add(
        name.rawValue, elements, exactly: true, axes: axes, units: "loss", note: name.note)
    }
  }

  /// Writes what the heads predict for the sampled RoIs.
  ///
  /// - Parameter maskProbabilities: `[P, M, M]`
  func add(_ boxes: BoxPrediction, maskProbabilities: Tensor) throws {
    try add(
      "class_logits", boxes.classLogits, axes: ["R", "K"], units: "logit",
      note: "of the sampled RoIs, background first")
    try add(
      "class_scores", boxes.classScores, axes: ["R", "K"], units: "probability",
      note: "softmax of the logits")
    try add(
      "box_deltas", boxes.deltas, axes: ["R", "4 K"], units: "proposal size, logarithm",
      note: "column 4 k + c is coordinate c (dx, dy, dw, dh) of class k, weighted 10 10 5 5")
    try add(
      "mask_probabilities", maskProbabilities, axes: ["P", "M", "M"], units: "probability",
      note: "the mask of each positive RoI's own class")
  }
}

extension LossesStage {
  /// What the stage left: exactly the losses that it computed.
  ///
  /// - Throws: `Fault` if something is missing or damaged.
  public static func losses(of folder: StageFolder) throws -> TrainingLosses {
    let divisors = try folder.integers("divisors")
    guard divisors.count == LossName.allCases.count, divisors.allSatisfy({ $0 >= 0 }) else {
      throw Fault(
        folder.folder.path, "there are \(divisors.count) divisors for five losses",
        remedy: "Run the stage losses again")
    }
    let all = try zip(LossName.allCases, divisors).map { name, divisor in
      (name, Loss(elements: try folder.tensor(name.rawValue), divisor: divisor))
    }
    let losses = Dictionary(uniqueKeysWithValues: all)
    func loss(_ name: LossName) -> Loss {
      losses[name] ?? Loss(elements: Tensor([0], []), divisor: 0)
    }
    return TrainingLosses(
      rpn: RPNLosses(objectness: loss(.objectness), boxes: loss(.rpnBoxes)),
      boxHead: BoxHeadLosses(classes: loss(.classes), boxes: loss(.boxes)), masks: loss(.masks))
  }
}

/// Every sampled RoI: a line each, with a header.
func roiLossLedgerCSV(
  _ losses: TrainingLosses, _ rois: RoITargets, _ boxes: BoxPrediction, classNames: [String]
) -> [UInt8] {
  let parts = RoILosses(losses, rois)
  var text = "roi,candidate,class,name,score,best class,best score,class loss,box loss,mask loss\n"
  func name(_ label: Int) -> String {
    let name = classNames.indices.contains(label) ? classNames[label] : ""
    return quotedCSV(name)
  }
  for roi in rois.sampled.indices {
    let scores = boxes.classScores.slice(roi).values
    let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
    let label = rois.labels[roi]
    text += "\(roi),\(rois.sampled[roi]),\(label),\(name(label)),\(scores[label]),\(best),"
    text += "\(scores[best]),\(parts.classes[roi]),"
    text += "\(parts.boxes[roi].map { "\($0)" } ?? ""),\(parts.masks[roi].map { "\($0)" } ?? "")\n"
  }
  return Array(text.utf8)
}

/// What each sampled RoI adds to the three losses of the heads: parts of the sums, divided as the
/// losses are, so that those of all RoIs add up to the losses.
public struct RoILosses: Sendable {
  /// The class loss of each of the R RoIs.
  public let classes: [Float]
  /// The box and the mask loss of the positive ones; nil for background.
  public let boxes, masks: [Float?]

  /// Divides losses among the RoIs.
  public init(_ losses: TrainingLosses, _ rois: RoITargets) {
    func share(_ sum: Float, _ loss: Loss) -> Float {
      loss.divisor == 0 ? 0 : sum / Float(loss.divisor)
    }
    let boxHead = losses.boxHead
    classes = boxHead.classes.elements.values.map { share($0, boxHead.classes) }
    var boxes = [Float?](repeating: nil, count: rois.sampled.count)
    var masks = boxes
    for (place, roi) in rois.positives.enumerated() {
      boxes[roi] = share(
        boxHead.boxes.elements.slice(place).values.reduce(0, +), boxHead.boxes)
      masks[roi] = share(losses.masks.elements.slice(place).values.reduce(0, +), losses.masks)
    }
    (self.boxes, self.masks) = (boxes, masks)
  }

  /// What a RoI adds to the total.
  func total(_ roi: Int) -> Float { classes[roi] + (boxes[roi] ?? 0) + (masks[roi] ?? 0) }
}
