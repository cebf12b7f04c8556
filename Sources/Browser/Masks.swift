// Operations on logits and masks.

import Annotations
import Kernels
import Stage6Masks
import Tensors

/// The logistic function of each number; `[count]` in the answer.
@_expose(wasm, "sigmoid") @_cdecl("sigmoid")
public func sigmoidOfAll(_ logits: UnsafePointer<Float>, _ count: Int32) -> Int32 {
  answering { () throws(Fault) in [sigmoid(Tensor([Int(count)], floats(logits, Int(count))))] }
}

/// Softmax over the last axis of `[rows, columns]`.
@_expose(wasm, "softmax") @_cdecl("softmax")
public func softmaxOfRows(
  _ logits: UnsafePointer<Float>, _ rows: Int32, _ columns: Int32
) -> Int32 {
  answering { () throws(Fault) in
    [softmax(Tensor([Int(rows), Int(columns)], floats(logits, Int(rows * columns))))]
  }
}

/// Pastes one mask into an image, with the steps on the way.
///
/// - Parameters:
///   - mask: `[M, M]` probabilities
///   - box: in image pixels
///   - width: of the image; `height` likewise
/// - Returns: in the answer `[M + 2, M + 2]`, the mask with its border; `[1, 4]`, the grown box; `[4]`,
///   it in whole pixels (x2, y2 exclusive); `[1, 4]`, the window; a probability per pixel of the window
@_expose(wasm, "paste_mask") @_cdecl("paste_mask")
public func pasteOne(
  _ mask: UnsafePointer<Float>, _ side: Int32, _ box: UnsafePointer<Float>, _ width: Int32,
  _ height: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let side = Int(side)
    let mask = Tensor([side, side], floats(mask, side * side))
    let box = boxes(box, 1)[0]
    let pasted = pasteMask(mask, box: box, width: Int(width), height: Int(height))
    let grown = grow(box, forMaskOf: side)
    let cut = wholePixels(grown)
    return [
      withBorder(mask).slice(0), Tensor(boxes: [grown]),
      Tensor(integers: [cut.x1, cut.y1, cut.x2, cut.y2]), windowTensor([pasted]),
      Tensor([pasted.probabilities.count], pasted.probabilities),
    ]
  }
}

/// The masks of a list: windows, `[D, 4]`, and a byte per pixel of all windows, 1 inside.
private func regions(
  _ windows: UnsafePointer<Int32>, _ inside: UnsafePointer<UInt8>, _ count: Int32
) -> [MaskRegion] {
  var next = inside
  return (0..<Int(count)).map { index in
    let edges = (0..<4).map { Int(windows[4 * index + $0]) }
    let window = Window(edges[0], edges[1], edges[2], edges[3])
    let pixels = window.width * window.height
    defer { next += pixels }
    return MaskRegion(window: window, isInside: (0..<pixels).map { [next] in next[$0] != 0 })
  }
}

/// For every mask of one list the mask of another with which it has the greatest IoU of pixels.
///
/// - Returns: in the answer `[count, 2]`: the other's index, -1 where none shares a pixel; the IoU
@_expose(wasm, "mask_partners") @_cdecl("mask_partners")
public func maskPartners(
  _ windows: UnsafePointer<Int32>, _ inside: UnsafePointer<UInt8>, _ count: Int32,
  _ otherWindows: UnsafePointer<Int32>, _ otherInside: UnsafePointer<UInt8>, _ otherCount: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let others = regions(otherWindows, otherInside, otherCount)
    let found = regions(windows, inside, count).flatMap { region -> [Float] in
      var (best, most): (Int, Float) = (-1, 0)
      for (index, other) in others.enumerated() {
        let overlap = region.intersectionOverUnion(other)
        if overlap > most { (best, most) = (index, overlap) }
      }
      return [Float(best), most]
    }
    return [Tensor([Int(count), 2], found)]
  }
}

/// Pastes masks into an image.
///
/// - Parameters:
///   - masks: `[D, M, M]` probabilities
///   - boxes: D boxes in image pixels
///   - width: of the image; `height` likewise
///   - threshold: of the label map
/// - Returns: in the answer `[D, 4]`, the windows; the probabilities of all windows, one after the
///   other; `[D]`, how many of them are over the threshold; `[H0, W0]`, the label map
@_expose(wasm, "paste_masks") @_cdecl("paste_masks")
public func pasteAll(
  _ masks: UnsafePointer<Float>, _ count: Int32, _ side: Int32, _ boxPointer: UnsafePointer<Float>,
  _ width: Int32, _ height: Int32, _ threshold: Float
) -> Int32 {
  answering { () throws(Fault) in
    let (count, side) = (Int(count), Int(side))
    let pasted = pasteMasks(
      Tensor([count, side, side], floats(masks, count * side * side)),
      boxes: boxes(boxPointer, Int32(count)), width: Int(width), height: Int(height))
    let soft = pasted.flatMap { $0.probabilities }
    return [
      windowTensor(pasted), Tensor([soft.count], soft),
      Tensor(integers: pasted.map { $0.binary(threshold: threshold).count { $0 } }),
      Tensor(
        integers: labelMap(
          pasted, threshold: threshold, width: Int(width), height: Int(height))
      ).reshaped([Int(height), Int(width)]),
    ]
  }
}
