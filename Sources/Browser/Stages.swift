// The stages of a session, each from the tensors that the ones before it left.

import Inference
import Kernels
import Model
import Stage0Input
import Stage1Backbone
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage6Masks
import Tensors

/// A part of the network that JavaScript can run by itself.
enum StageName: String, CaseIterable {
  case input, trunk, pyramid, rpn, proposals, roi, boxHead, detections, maskRoI, maskHead, masks
}

/// Tells JavaScript which part of a stage is computed next.
@_extern(wasm, module: "host", name: "report")
private func hostReport(_ text: UnsafePointer<UInt8>?, _ length: Int32)

private func report(_ part: String) {
  let bytes = Array(part.utf8)
  bytes.withUnsafeBufferPointer { hostReport($0.baseAddress, Int32($0.count)) }
}

/// Runs a stage, named in UTF-8.
@_expose(wasm, "session_run") @_cdecl("session_run")
public func sessionRun(_ name: UnsafePointer<UInt8>, _ length: Int32) -> Int32 {
  inSession { (session) throws(Fault) in
    let name = text(name, length)
    guard let stage = StageName(rawValue: name) else {
      throw Fault(name, "there is no such stage", remedy: "Give one of the stages' names")
    }
    try session.form.running { () throws(Fault) in try session.run(stage) }
    return []
  }
}

extension Session {
  mutating func run(_ stage: StageName) throws(Fault) {
    switch stage {
    case .input: try runInput()
    case .trunk: try runTrunk()
    case .pyramid: set(.pyramid, featurePyramid(try all(.trunk), network.model.backbone))
    case .rpn: try runRPN()
    case .proposals: try runProposals()
    case .roi: try runRoI()
    case .boxHead: try runBoxHead()
    case .detections: try runDetections()
    case .maskRoI: try runMaskRoI()
    case .maskHead: set(.maskLogits, maskLogits(try one(.maskFeatures), network.model.maskHead))
    case .masks: try runMasks()
    }
  }

  /// Stage 0: the image normalised, resized and padded.
  private mutating func runInput() throws(Fault) {
    let image = try one(.image)
    let original = ImageSize(height: image.shape[1], width: image.shape[2])
    let settings = network.model.settings
    let size = settings.resize.size(for: original)
    guard InputSizes.areSensible(size) else {
      throw Fault("image", "it has too many pixels", remedy: "Give a smaller image")
    }
    let normalised = normalised(
      image, mean: settings.mean, standardDeviation: settings.standardDeviation)  // [3, H0, W0]
    let resized = resizeBilinear(normalised, rows: size.height, columns: size.width)  // [3, H, W]
    let input = padded([resized], toMultipleOf: inputMultiple)  // [1, 3, Hp, Wp]
    set(.normalised, normalised)
    set(.resized, resized)
    set(.padded, input)
    set(
      .sizes,
      Tensor(integers: [
        original.height, original.width, size.height, size.width, input.shape[2], input.shape[3],
      ]).reshaped([3, 2]))
  }

  /// Stage 1, the trunk.
  private mutating func runTrunk() throws(Fault) {
    let found = trunkFeatures(try one(.padded), network.model.backbone, report: report)
    set(.stem, found.stem)
    set(.pooled, found.pooled)
    set(.trunk, found.levels)
  }

  /// Stage 2: predictions and anchors of every level.
  private mutating func runRPN() throws(Fault) {
    let predictions = try all(.pyramid).map { rpnPrediction($0, network.model.rpnHead) }
    let found = network.candidates(predictions, input: try sizes().padded)
    set(.objectness, predictions.map { $0.objectness })
    set(.deltas, predictions.map { $0.deltas })
    set(.anchors, found.map { Tensor(boxes: $0.anchors) })
  }

  /// Stage 3.
  private mutating func runProposals() throws(Fault) {
    let sizes = try sizes()
    let predictions = zip(try all(.objectness), try all(.deltas)).map {
      RPNPrediction(objectness: $0, deltas: $1)
    }
    let found = proposals(
      network.candidates(predictions, input: sizes.padded), width: sizes.resized.width,
      height: sizes.resized.height, network.proposalOptions)
    set(.candidateLedger, ledgerTensor(found.ledger))
    set(.considered, Tensor(integers: found.considered))
    set(.proposals, Tensor(boxes: found.boxes))
    set(.proposalScores, Tensor([found.kept.count], found.scores))
    set(.proposalIndex, Tensor(integers: found.kept))
  }

  /// The levels that RoIs are read from.
  private func roiPyramid() throws(Fault) -> RoIPyramid {
    network.roiPyramid(try all(.pyramid), input: try sizes().padded)
  }

  /// Stage 4, for the box head.
  private mutating func runRoI() throws(Fault) {
    let (pyramid, boxes) = (try roiPyramid(), try one(.proposals).boxes)
    set(.roiLevels, Tensor(integers: boxes.map { pyramid.level(of: $0) }))
    set(.features, network.features(pyramid, [boxes], bins: network.boxBins))
  }

  /// Stage 5, the box head.
  private mutating func runBoxHead() throws(Fault) {
    let found = boxPrediction(try one(.features), network.model.boxHead)
    set(.boxFeatures, found.features)
    set(.classLogits, found.classLogits)
    set(.classScores, found.classScores)
    set(.boxDeltas, found.deltas)
  }

  /// Stage 5, from predictions to detections.
  private mutating func runDetections() throws(Fault) {
    let size = try sizes().resized
    let refined = refinedBoxes(
      try one(.proposals).boxes, deltas: try one(.boxDeltas), width: size.width,
      height: size.height)  // [R, K, 4]
    let found = detectionCandidates(
      scores: try one(.classScores), refined: refined, network.detectionOptions)
    set(.refined, refined)
    set(.detectionLedger, ledgerTensor(found.ledger))
    set(.detectionIndex, Tensor(integers: found.kept))
    let detected = found.detected
    set(.detectionBoxes, Tensor(boxes: detected.map { $0.box }))
    set(.detectionScores, Tensor([detected.count], detected.map { $0.score }))
    set(.detectionLabels, Tensor(integers: detected.map { $0.label }))
    set(.detectionProposals, Tensor(integers: detected.map { $0.proposal }))
  }

  /// Stage 4 again, for the mask head.
  private mutating func runMaskRoI() throws(Fault) {
    let (pyramid, boxes) = (try roiPyramid(), try one(.detectionBoxes).boxes)
    set(.maskLevels, Tensor(integers: boxes.map { pyramid.level(of: $0) }))
    set(.maskFeatures, network.features(pyramid, [boxes], bins: network.maskBins))
  }

  /// Stage 6.
  private mutating func runMasks() throws(Fault) {
    let sizes = try sizes()
    let (width, height) = (sizes.original.width, sizes.original.height)
    let labels = try one(.detectionLabels).values.map { Int($0) }
    let probabilities = maskProbabilities(
      try one(.maskLogits), labels: labels, network.model.settings.maskActivation)  // [D, M, M]
    let boxes = try one(.detectionBoxes).boxes.map { sizes.inOriginal($0) }
    let masks = pasteMasks(probabilities, boxes: boxes, width: width, height: height)
    set(.probabilities, probabilities)
    set(.boxes, Tensor(boxes: boxes))
    set(.windows, windowTensor(masks))
    let soft = masks.flatMap { $0.probabilities }
    set(.soft, Tensor([soft.count], soft))
    set(
      .areas,
      Tensor(integers: masks.map { $0.binary(threshold: maskThreshold).count { $0 } }))
    set(
      .labelMap,
      Tensor(
        integers: Stage6Masks.labelMap(
          masks, threshold: maskThreshold, width: width, height: height)
      ).reshaped([height, width]))
  }
}

/// The windows of masks, `[D, 4]`.
func windowTensor(_ masks: [PastedMask]) -> Tensor {
  Tensor(
    integers: masks.flatMap { [$0.window.x1, $0.window.y1, $0.window.x2, $0.window.y2] }
  ).reshaped([masks.count, 4])
}
