// Stage 6, what the network finds: box, class, score and mask together, in the image's own pixels.

import Stage0Input
import Stage5Heads
import Tensors

/// An object that the network found.
public struct Detection: Sendable {
  /// In pixels of the image as decoded.
  public var box: Box
  /// The class, never 0, the background.
  public var label: Int
  /// The softmax of the class.
  public var score: Float
  /// The pixels of the image that belong to it, each with a probability.
  public var mask: PastedMask
  /// The proposal that it came from, among its image's.
  public var proposal: Int

  /// Makes a detection.
  public init(box: Box, label: Int, score: Float, mask: PastedMask, proposal: Int) {
    (self.box, self.label, self.score) = (box, label, score)
    (self.mask, self.proposal) = (mask, proposal)
  }
}

/// Brings what stage 5 detected in one image back to the image's own pixels, boxes and masks.
///
/// - Parameters:
///   - detected: the D kept entries of stage 5's ledger, by descending score
///   - probabilities: `[D, M, M]`, of `maskProbabilities`
///   - sizes: the image's
public func pastedDetections(
  _ detected: [DetectionCandidate], _ probabilities: Tensor, _ sizes: InputSizes
) -> [Detection] {
  let boxes = detected.map { sizes.inOriginal($0.box) }
  let masks = pasteMasks(
    probabilities, boxes: boxes, width: sizes.original.width, height: sizes.original.height)
  return detected.indices.map { index in
    Detection(
      box: boxes[index], label: detected[index].label, score: detected[index].score,
      mask: masks[index], proposal: detected[index].proposal)
  }
}
