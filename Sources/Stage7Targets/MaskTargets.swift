// Stage 7, what the mask head should have drawn. Paper: section 3, "Mask Representation", and 3.1,
// "Training": the target is the intersection of a RoI and its object's mask. torchvision:
// models/detection/roi_heads.py, `project_masks_on_boxes`.
//
// T objects of truth, H W rows and columns of the input, P positive RoIs, M rows and columns of a
// mask.

import Annotations
import Kernels
import Stage0Input
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

/// The same of masks that are stored as windows, with the same bits: samples lie where they lie in
/// the whole mask, and those outside an object's window are the 0 that is stored there.
///
/// - Parameters:
///   - masks: T of them
///   - size: H and W
///   - boxes: P RoIs in input pixels
///   - truths: the object of each
///   - side: M, the mask head's rows and columns: 28
/// - Returns: `[P, M, M]`
public func maskTargets(
  _ masks: [MaskRegion], in size: ImageSize, boxes: [Box], truths: [Int], side: Int
) -> Tensor {
  precondition(boxes.count == truths.count, "every RoI has the mask of an object")
  return Tensor(uninitialized: [boxes.count, side, side]) { output in
    nonisolated(unsafe) let output = output
    Threads.each(boxes.count) { index in
      maskTarget(
        masks[truths[index]], in: size, box: boxes[index], side: side,
        output: output + index * side * side)
    }
  }  // [P, M, M]
}

/// One RoI's target.
///
/// - Parameter output: `[M, M]`
private func maskTarget(
  _ mask: MaskRegion, in size: ImageSize, box: Box, side: Int,
  output: UnsafeMutablePointer<Float>
) {
  let grid = SampleGrid(
    box: box, spatialScale: 1, bins: BinGrid(rows: side, columns: side), samplingRatio: 0,
    aligned: false)
  let horizontal = (0..<side).map { bin in
    (0..<grid.columns).map {
      BilinearWeights(grid.sampleX(bin: bin, sample: $0), extent: size.width)
    }
  }
  let window = mask.window
  func pixel(_ row: Int, _ column: Int) -> Float {
    guard row >= window.y1, row < window.y2, column >= window.x1, column < window.x2 else {
      return 0
    }
    return mask.isInside[(row - window.y1) * window.width + column - window.x1] ? 1 : 0
  }
  let count = Float(max(grid.rows * grid.columns, 1))
  for y in 0..<side {
    let vertical = (0..<grid.rows).map {
      BilinearWeights(grid.sampleY(bin: y, sample: $0), extent: size.height)
    }
    for x in 0..<side {
      var sum: Float = 0
      for v in vertical {
        guard let v, v.high >= window.y1, v.low < window.y2 else { continue }
        for h in horizontal[x] {
          guard let h else { continue }
          sum +=
            v.lowWeight * h.lowWeight * pixel(v.low, h.low)
            + v.lowWeight * h.highWeight * pixel(v.low, h.high)
            + v.highWeight * h.lowWeight * pixel(v.high, h.low)
            + v.highWeight * h.highWeight * pixel(v.high, h.high)
        }
      }
      output[y * side + x] = sum / count
    }
  }
}
