// Stage 7, what the mask head should have drawn. Paper: section 3, "Mask Representation", and 3.1,
// "Training": the target is the intersection of a RoI and its object's mask. torchvision:
// models/detection/roi_heads.py, `project_masks_on_boxes`.
//
// T objects of truth, H W rows and columns of the input, P positive RoIs, M rows and columns of a mask.

import Stage4RoI
import Tensors

/// The part of each RoI's object that lies inside the RoI, brought to the grid that the mask head
/// predicts: RoIAlign of the mask, as many samples as a bin has pixels, not aligned.
///
/// A target is between 0 and 1 where an object's edge crosses a bin. It is not rounded.
///
/// - Parameters:
///   - masks: `[T, H, W]`
///   - boxes: P RoIs in input pixels
///   - truths: the object of each
///   - side: M, the mask head's rows and columns: 28
/// - Returns: `[P, M, M]`
public func maskTargets(_ masks: Tensor, boxes: [Box], truths: [Int], side: Int) -> Tensor {
  precondition(
    masks.shape.rank == 3 && boxes.count == truths.count, "every RoI has the mask of an object")
  guard !boxes.isEmpty else { return Tensor([0, side, side], []) }
  // Every object's mask is an image of one channel.
  let images = masks.reshaped([masks.shape[0], 1, masks.shape[1], masks.shape[2]])
  return roiFeatures(
    [images], boxes: boxes, images: truths, levels: boxes.map { _ in 0 }, scales: [1],
    bins: BinGrid(rows: side, columns: side),
    operator: .align(samplingRatio: 0, aligned: false, maximum: false)
  ).reshaped([boxes.count, side, side])  // [P, M, M]
}
