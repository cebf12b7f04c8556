import Stage4RoI
import Stage7Targets
import Stage8Losses
import Tensors

// What the golden cases of learning run: the RoI operators' gradients, the targets of stage 7, the
// losses of stage 8 and their gradients.

extension OperatorGoldens {
  private static let scattered = Tolerance(
    1e-6, "sums of up to some hundred weighted slopes, in another order than the reference's")
  private static let losses = Tolerance(
    1e-6, "exp and log of two mathematical libraries, sums in another order than the reference's")

  static let learning: [String: Operation] = [
    "roi_align_gradient": Operation(scattered) { golden in
      try roiGradient(golden) {
        .align(
          samplingRatio: max(0, try $0.integer("samplingRatio")), aligned: try $0.flag("aligned"),
          maximum: false)
      }
    },
    "roi_align_max_gradient": Operation(scattered) { golden in
      try roiGradient(golden) {
        .align(
          samplingRatio: max(0, try $0.integer("samplingRatio")), aligned: try $0.flag("aligned"),
          maximum: true)
      }
    },
    "roi_pool_gradient": Operation(scattered) { try roiGradient($0) { _ in .pool } },
    "roi_warp_gradient": Operation(scattered) { golden in
      try roiGradient(golden) {
        .warp(samplingRatio: max(0, try $0.integer("samplingRatio")), maximum: false)
      }
    },
    "roi_features_gradient": Operation(scattered, roiPyramid),
    "matcher": Operation(.exact, matched),
    "sample_sizes": Operation(.exact, sampleSizes),
    "mask_targets": Operation(
      Tolerance(1e-6, "interpolation weights in 32 bits, some fused into one rounding"),
      projectedMasks),
    "anchor_targets": Operation(
      Tolerance(1e-6, "log of two mathematical libraries"), anchorTargeted),
    "roi_targets": Operation(
      Tolerance(1e-6, "log of two mathematical libraries, interpolation weights in 32 bits"),
      roiTargeted),
    "binary_cross_entropy": Operation(losses) { golden in
      let (values, targets) = (try golden.tensor("values"), try golden.tensor("targets"))
      return [
        "elements": NumericArray(binaryCrossEntropy(values, targets: targets)),
        "gradient": NumericArray(binaryCrossEntropyGradient(values, targets: targets)),
      ]
    },
    "softmax_cross_entropy": Operation(losses) { golden in
      let (values, labels) = (try golden.tensor("values"), try golden.integers("targets"))
      return [
        "elements": NumericArray(softmaxCrossEntropy(values, labels: labels)),
        "gradient": NumericArray(softmaxCrossEntropyGradient(values, labels: labels)),
      ]
    },
    "smooth_l1": Operation(losses) { golden in
      let (values, targets) = (try golden.tensor("values"), try golden.tensor("targets"))
      let beta = try golden.number("beta")
      return [
        "elements": NumericArray(smoothL1(values, targets: targets, beta: beta)),
        "gradient": NumericArray(smoothL1Gradient(values, targets: targets, beta: beta)),
      ]
    },
    "rpn_losses": Operation(losses, rpnLossesAndGradients),
    "roi_losses": Operation(losses, roiLossesAndGradients),
  ]

  private static func roiGradient(
    _ golden: GoldenCase, _ operation: (GoldenCase) throws -> RoIOperator
  ) throws -> [String: NumericArray] {
    let boxes = try golden.tensor("boxes").boxes
    let gradient = roiFeaturesGradient(
      try golden.tensor("slopes"), pyramid: [try golden.tensor("features")], boxes: boxes,
      levels: boxes.map { _ in 0 }, scales: [try golden.number("spatialScale")],
      operator: try operation(golden))
    return ["gradient": NumericArray(gradient[0])]
  }

  private static func roiPyramid(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let pyramid = try (2...5).map { try golden.tensor("features\($0)") }
    let boxes = try golden.tensor("boxes").boxes
    let (images, levels) = (try golden.integers("images"), try golden.integers("levels"))
    let scales = try golden.numbers("scales")
    let roiOperator = RoIOperator.align(
      samplingRatio: try golden.integer("samplingRatio"), aligned: false, maximum: false)
    let bins = BinGrid(
      rows: try golden.integer("outputHeight"), columns: try golden.integer("outputWidth"))
    let pooled = roiFeatures(
      pyramid, boxes: boxes, images: images, levels: levels, scales: scales, bins: bins,
      operator: roiOperator)
    let gradients = roiFeaturesGradient(
      try golden.tensor("slopes"), pyramid: pyramid, boxes: boxes, images: images, levels: levels,
      scales: scales, operator: roiOperator)
    let named = gradients.enumerated().map { ("gradient\($0 + 2)", NumericArray($1)) }
    return Dictionary(uniqueKeysWithValues: named + [("pooled", NumericArray(pooled))])
  }

  private static func matched(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let matcher = Matcher(
      positiveThreshold: try golden.number("positiveThreshold"),
      negativeThreshold: try golden.number("negativeThreshold"),
      takesBest: try golden.flag("takesBest"))
    let found = overlaps(
      try golden.tensor("truths").boxes, try golden.tensor("boxes").boxes)
    let matches = matcher(found).map { match in
      switch match.label {
      case .positive: match.truth ?? -1
      case .negative: -1
      case .ignored: -2
      }
    }
    return [
      "overlaps": NumericArray(found),
      "matches": NumericArray([matches.count], integers: matches),
    ]
  }

  private static func sampleSizes(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let labels = try golden.integers("labels").compactMap(MatchLabel.init)
    let sampling = Sampling.balanced(
      count: try golden.integer("count"), positiveFraction: try golden.double("positiveFraction"))
    var generator = SeededGenerator(seed: 1)
    let drawn = sampling(labels, using: &generator).map { labels[$0] }
    let counts = [drawn.count { $0 == .positive }, drawn.count { $0 == .negative }]
    return ["counts": NumericArray([2], integers: counts)]
  }

  private static func projectedMasks(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let targets = maskTargets(
      try golden.tensor("masks"), boxes: try golden.tensor("boxes").boxes,
      truths: try golden.integers("truths"), side: try golden.integer("side"))
    return ["targets": NumericArray(targets)]
  }

  private static func anchorTargeted(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let targets = try golden.anchorTargets("truths", "sampled")
    return [
      "labels": NumericArray(
        [targets.matches.count], integers: targets.matches.map(\.label.rawValue)),
      "positives": NumericArray([targets.positives.count], integers: targets.positives),
      "deltas": NumericArray(targets.deltas),
    ]
  }

  private static func roiTargeted(_ golden: GoldenCase) throws -> [String: NumericArray] {
    let targets = try golden.roiTargets("")
    return [
      "boxes": NumericArray(Tensor(boxes: targets.boxes)),
      "labels": NumericArray([targets.labels.count], integers: targets.labels),
      "positives": NumericArray([targets.positives.count], integers: targets.positives),
      "matched": NumericArray([targets.truths.count], integers: targets.truths),
      "deltas": NumericArray(targets.deltas), "maskTargets": NumericArray(targets.masks),
    ]
  }

  private static func rpnLossesAndGradients(
    _ golden: GoldenCase
  ) throws -> [String: NumericArray] {
    let levels = 0..<(try golden.integer("levels"))
    let objectness = try levels.map { try golden.tensor("objectness\($0)") }
    let deltas = try levels.map { try golden.tensor("deltas\($0)") }
    let targets = try (0..<golden.integer("images")).map {
      try golden.anchorTargets("truths\($0)", "sampled\($0)")
    }
    let losses = rpnLosses(objectness: objectness, deltas: deltas, targets: targets)
    let gradients = rpnLossGradients(objectness: objectness, deltas: deltas, targets: targets)
    var outputs = [
      LossName.objectness.rawValue: scalar(losses.objectness.value),
      LossName.rpnBoxes.rawValue: scalar(losses.boxes.value),
    ]
    for level in levels {
      outputs["dObjectness\(level)"] = NumericArray(gradients.objectness[level])
      outputs["dDeltas\(level)"] = NumericArray(gradients.deltas[level])
    }
    return outputs
  }

  private static func roiLossesAndGradients(
    _ golden: GoldenCase
  ) throws -> [String: NumericArray] {
    let (logits, deltas) = (try golden.tensor("classLogits"), try golden.tensor("deltas"))
    let masks = try golden.tensor("maskLogits")
    let targets = try (0..<golden.integer("images")).map { try golden.roiTargets("\($0)") }
    let losses = boxHeadLosses(classLogits: logits, deltas: deltas, targets: targets)
    let gradients = boxHeadLossGradients(classLogits: logits, deltas: deltas, targets: targets)
    return [
      LossName.classes.rawValue: scalar(losses.classes.value),
      LossName.boxes.rawValue: scalar(losses.boxes.value),
      LossName.masks.rawValue: scalar(maskLoss(masks, targets: targets, .sigmoid).value),
      "dClassLogits": NumericArray(gradients.classLogits),
      "dDeltas": NumericArray(gradients.deltas),
      "loss_mask_softmax": scalar(maskLoss(masks, targets: targets, .softmax).value),
      "dMaskLogitsSoftmax": NumericArray(maskLossGradient(masks, targets: targets, .softmax)),
      "dMaskLogits": NumericArray(maskLossGradient(masks, targets: targets, .sigmoid)),
    ]
  }

  private static func scalar(_ value: Float) -> NumericArray { NumericArray(Tensor([1], [value])) }
}

extension GoldenCase {
  fileprivate func tensor(_ name: String) throws -> Tensor { try input(name).tensor }

  fileprivate func integers(_ name: String) throws -> [Int] { try input(name).integers ?? [] }

  /// The targets of a case's anchors, with the sample that the reference drew.
  fileprivate func anchorTargets(_ truths: String, _ sampled: String) throws -> AnchorTargets {
    let boxes = try tensor(truths).boxes
    let truth = try ImageTruth(
      boxes: boxes, labels: boxes.map { _ in 1 }, masks: Tensor([boxes.count, 1, 1], repeating: 1))
    var generator = SeededGenerator(seed: 1)
    return Stage7Targets.anchorTargets(
      try tensor("anchors").boxes, truth: truth, matcher: .anchors,
      sampling: .recorded(try integers(sampled)), using: &generator)
  }

  /// The targets of one image's RoIs, with the sample that the reference drew.
  fileprivate func roiTargets(_ image: String) throws -> RoITargets {
    let truth = try ImageTruth(
      boxes: tensor("truths\(image)").boxes, labels: integers("classes\(image)"),
      masks: tensor("masks\(image)"))
    var generator = SeededGenerator(seed: 1)
    return Stage7Targets.roiTargets(
      try tensor("proposals\(image)").boxes, truth: truth, maskSide: try integer("side"),
      matcher: .proposals, sampling: .recorded(try integers("sampled\(image)")), using: &generator)
  }
}
