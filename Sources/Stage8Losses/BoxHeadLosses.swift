// Stage 8, the box head's two losses. Girshick 2015 (Fast R-CNN), section 2.3, "Multi-task loss";
// torchvision: models/detection/roi_heads.py, `fastrcnn_loss`.
//
// In: what the box head said of the sampled RoIs, and their targets.
// R sampled RoIs of all images together, P positive ones among them, K classes, background first.

import Stage7Targets
import Tensors

/// What the box head's answers cost.
public struct BoxHeadLosses: Sendable, Equatable {
  /// Cross-entropy of the R RoIs, `[R]`, divided by R: image after image, in the order of
  /// `RoITargets.sampled`.
  public let classes: Loss
  /// Smooth L1 of the P positive RoIs' deltas for their own class, `[P, 4]`, divided by R too:
  /// image after image, in the order of `RoITargets.positives`.
  public let boxes: Loss
}

/// The box head's losses over a batch.
///
/// - Parameters:
///   - classLogits: `[R, K]`, image after image
///   - deltas: `[R, 4 K]`: columns `4 k … 4 k + 3` are dx, dy, dw, dh of class k
///   - targets: of each image
public func boxHeadLosses(
  classLogits: Tensor, deltas: Tensor, targets: [RoITargets]
) -> BoxHeadLosses {
  let sample = BoxHeadSample(classLogits: classLogits, deltas: deltas, targets: targets)
  return BoxHeadLosses(
    classes: Loss(
      elements: softmaxCrossEntropy(classLogits, labels: sample.labels),
      divisor: sample.labels.count),
    boxes: Loss(
      elements: smoothL1(
        sample.deltas(deltas), targets: sample.deltaTargets, beta: torchvisionSmoothL1Beta),
      divisor: sample.labels.count))
}

/// The sampled RoIs of all images, and where the deltas that count are stored.
struct BoxHeadSample {
  /// The class of each of the R RoIs.
  let labels: [Int]
  /// The first of the four deltas of its own class, for each of the P positive RoIs.
  let offsets: [Int]
  /// `[P, 4]`
  let deltaTargets: Tensor

  /// Finds the positive RoIs' deltas.
  init(classLogits: Tensor, deltas: Tensor, targets: [RoITargets]) {
    let sampled = targets.flatMap { $0.labels }
    let classes = classLogits.shape[1]
    precondition(
      classLogits.shape[0] == sampled.count
        && deltas.shape.extents == [sampled.count, 4 * classes],
      "logits, deltas and targets are of the same RoIs")
    labels = sampled
    // Only positive RoIs have a class other than the background's.
    offsets = sampled.indices.filter { sampled[$0] > 0 }.map { 4 * ($0 * classes + sampled[$0]) }
    deltaTargets = Tensor([offsets.count, 4], targets.flatMap { $0.deltas.values })
  }

  /// The deltas that the positive RoIs' own classes predict, `[P, 4]`.
  func deltas(_ deltas: Tensor) -> Tensor {
    Tensor([offsets.count, 4], offsets.flatMap { deltas.values[$0..<$0 + 4] })
  }
}
