// Stage 5, its two branches one after the other. Paper: section 3.1, "Inference": "the mask branch
// is then applied to the highest scoring 100 detection boxes".
//
// In: features of each proposal, [R, C, 7, 7], and the pyramid.  Out: for each image, which
// proposals and classes are detections, and a mask of logits per class, [D, K, 28, 28].
// N images, R RoIs and D detections of all of them, image after image, K classes with the
// background as class 0.

import Model
import Stage0Input
import Stage4RoI
import Tensors

/// What the box branch makes of the features of all proposals.
public struct BoxBranch: Sendable {
  /// What the box head predicts for the proposals of all images.
  public var prediction: BoxPrediction
  /// Every proposal moved by every class's deltas and clipped to its image, `[R, K, 4]`.
  public var refined: Tensor
  /// For each image, what remains after score threshold, suppression and limit.
  public var candidates: [DetectionCandidates]

  /// Runs the branch.
  ///
  /// - Parameters:
  ///   - features: `[R, C, Y, X]`
  ///   - proposals: the boxes of each image in input pixels, R of them in all
  ///   - images: the size of each resized image, without the padding
  public init(
    _ features: Tensor, proposals: [[Box]], images: [ImageSize], _ head: BoxHead,
    _ options: DetectionOptions
  ) {
    self.init(
      boxPrediction(features, head), proposals: proposals, images: images, options)
  }

  /// Takes what the box head predicted to its end.
  public init(
    _ prediction: BoxPrediction, proposals: [[Box]], images: [ImageSize],
    _ options: DetectionOptions
  ) {
    precondition(proposals.count == images.count, "\(proposals.count) lists of proposals")
    self.prediction = prediction
    var first = 0
    var parts: [Tensor] = []
    candidates = zip(proposals, images).map { boxes, image in
      let rows = first..<first + boxes.count
      first += boxes.count
      let part = refinedBoxes(
        boxes, deltas: prediction.deltas.rows(rows), width: image.width, height: image.height)
      parts.append(part)  // [R of the image, K, 4]
      return detectionCandidates(
        scores: prediction.classScores.rows(rows), refined: part, options)
    }
    refined =
      parts.count == 1
      ? parts[0]
      : Tensor([first, prediction.classScores.shape[1], 4], joining: parts)
  }
}

/// What the mask branch makes of the detections.
public struct MaskBranch: Sendable {
  /// What the mask head reads, `[D, C, 14, 14]`.
  public var features: Tensor
  /// A mask per class, `[D, K, 28, 28]`.
  public var logits: Tensor

  /// Reads the detections' boxes from the pyramid and runs the mask head on them.
  ///
  /// - Parameters:
  ///   - boxes: the detections of each image in input pixels, D of them in all
  ///   - bins: Y X, 14 x 14 in torchvision's models
  ///   - roiOperator: how their features are read
  public init(
    _ boxes: [[Box]], _ pyramid: RoIPyramid, _ head: MaskHead, bins: BinGrid,
    operator roiOperator: RoIOperator
  ) {
    features = pyramid.features(RoI.all(boxes), bins: bins, operator: roiOperator)
    logits = maskLogits(features, head)
  }
}

extension Tensor {
  /// Makes a tensor of parts of it that follow each other along the outermost axis.
  init(_ shape: Shape, joining parts: [Tensor]) {
    var values: [Float] = []
    values.reserveCapacity(shape.count)
    for part in parts { values += part.values }
    self.init(shape, values)
  }

  /// Some rows of the outermost axis; all of them are not copied.
  public func rows(_ range: Range<Int>) -> Tensor {
    if range == 0..<shape[0] { return self }
    let row = shape.extents.dropFirst().reduce(1, *)
    return Tensor(
      Shape([range.count] + shape.extents.dropFirst()),
      Array(values[range.lowerBound * row..<range.upperBound * row]))
  }
}
