// Operations on logits and masks.

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
