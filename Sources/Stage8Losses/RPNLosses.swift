// Stage 8, the region proposal network's two losses. Ren et al. 2015 (Faster R-CNN), equation 1;
// torchvision: models/detection/rpn.py, `compute_loss`.
//
// In: what the RPN's head said of all anchors, and their targets.
// N images, A anchors per cell, H W rows and columns of a level, S sampled anchors of all images
// together, P positive ones among them.

import Stage2Anchors
import Stage7Targets
import Tensors

/// What the region proposal network's answers cost.
public struct RPNLosses: Sendable, Equatable {
  /// Binary cross-entropy of the S sampled anchors, `[S]`, divided by S: image after image, in the
  /// order of `AnchorTargets.sampled`.
  public let objectness: Loss
  /// Smooth L1 of the P positive anchors' deltas, `[P, 4]`, divided by S too: image after image, in
  /// the order of `AnchorTargets.positives`.
  public let boxes: Loss
}

/// The region proposal network's losses over a batch.
///
/// - Parameters:
///   - objectness: logits of every level, `[N, A, H, W]`
///   - deltas: dx dy dw dh of every level, `[N, 4 A, H, W]`
///   - targets: of the N images
public func rpnLosses(
  objectness: [Tensor], deltas: [Tensor], targets: [AnchorTargets]
) -> RPNLosses {
  let sample = RPNSample(objectness: objectness, deltas: deltas, targets: targets)
  return RPNLosses(
    objectness: Loss(
      elements: binaryCrossEntropy(sample.logits(objectness), targets: sample.labels),
      divisor: sample.anchors.count),
    boxes: Loss(
      elements: smoothL1(
        sample.deltas(deltas), targets: sample.deltaTargets, beta: torchvisionSmoothL1Beta),
      divisor: sample.anchors.count))
}

/// Where the head's answers for the sampled anchors are stored in its outputs.
struct RPNSample {
  /// A place in one level's tensor.
  struct Place {
    let level, offset: Int
  }

  /// The logit of each of the S sampled anchors.
  let anchors: [Place]
  /// `[S]`: 1 for an object, 0 for background.
  let labels: Tensor
  /// The first delta of each of the P positive anchors; the others follow at distances of H W.
  let positives: [Place]
  /// `[P, 4]`
  let deltaTargets: Tensor
  private let cells: [Int]

  /// Finds the sampled anchors' places.
  init(objectness: [Tensor], deltas: [Tensor], targets: [AnchorTargets]) {
    let sizes = objectness.map { level in
      (rows: level.shape[2], columns: level.shape[3], shapes: level.shape[1])
    }
    let grids = AnchorGrids(firstLevel: 2, sizes)
    precondition(
      objectness.count == deltas.count
        && zip(objectness, deltas).allSatisfy { logits, deltas in
          logits.shape[0] == targets.count
            && deltas.shape.extents == [
              targets.count, 4 * logits.shape[1], logits.shape[2], logits.shape[3],
            ]
        } && targets.allSatisfy { $0.matches.count == grids.count },
      "logits, deltas and targets are of the same images and anchors")
    func place(_ image: Int, _ index: Int, ofDeltas: Bool) -> Place {
      let grid = grids.grid(of: index)
      let anchor = grid.place(of: index)
      let (row, column, shape) = (anchor.row, anchor.column, anchor.shape)
      let offset =
        ofDeltas
        ? grid.deltaOffset(image: image, row: row, column: column, shape: shape)
        : grid.logitOffset(image: image, row: row, column: column, shape: shape)
      return Place(level: grid.level - 2, offset: offset)
    }
    cells = grids.levels.map { $0.cells }
    anchors = targets.enumerated().flatMap { image, target in
      target.sampled.map { place(image, $0, ofDeltas: false) }
    }
    labels = Tensor(
      [anchors.count],
      targets.flatMap { target in
        target.sampled.map { target.matches[$0].label == .positive ? 1 : 0 }
      })
    positives = targets.enumerated().flatMap { image, target in
      target.positives.map { place(image, $0, ofDeltas: true) }
    }
    deltaTargets = Tensor([positives.count, 4], targets.flatMap { $0.deltas.values })
  }

  /// The places of a positive anchor's four deltas.
  func coordinates(_ place: Place) -> [Place] {
    (0..<4).map { Place(level: place.level, offset: place.offset + $0 * cells[place.level]) }
  }

  /// The sampled anchors' logits, `[S]`.
  func logits(_ objectness: [Tensor]) -> Tensor {
    Tensor([anchors.count], anchors.map { objectness[$0.level].values[$0.offset] })
  }

  /// The positive anchors' deltas, `[P, 4]`.
  func deltas(_ deltas: [Tensor]) -> Tensor {
    Tensor(
      [positives.count, 4],
      positives.flatMap { coordinates($0).map { deltas[$0.level].values[$0.offset] } })
  }
}
