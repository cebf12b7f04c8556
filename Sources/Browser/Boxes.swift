// Operations on boxes: decoding, overlap, suppression, the level of a RoI.

import Stage3Proposals
import Stage4RoI
import Tensors

/// The boxes that deltas mean relative to reference boxes, pair by pair, not clipped.
///
/// - Parameters:
///   - deltas: dx, dy, dw, dh each, `count` of them
///   - isBoxHead: 1 for the box head's weights 10, 10, 5, 5; 0 for the RPN's 1, 1, 1, 1
/// - Returns: in the answer `[count, 4]`
@_expose(wasm, "decode_boxes") @_cdecl("decode_boxes")
public func decodeBoxes(
  _ references: UnsafePointer<Float>, _ deltas: UnsafePointer<Float>, _ count: Int32,
  _ isBoxHead: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let coder = isBoxHead == 0 ? BoxCoder.proposals : BoxCoder.detections
    return [
      Tensor(
        boxes: boxes(references, count).enumerated().map { index, reference in
          coder.decode(
            deltas[4 * index], deltas[4 * index + 1], deltas[4 * index + 2],
            deltas[4 * index + 3], reference: reference)
        })
    ]
  }
}

/// Intersection over union of every box of one list with every box of another.
///
/// - Returns: in the answer `[count, otherCount]`
@_expose(wasm, "box_overlaps") @_cdecl("box_overlaps")
public func boxOverlaps(
  _ some: UnsafePointer<Float>, _ count: Int32, _ others: UnsafePointer<Float>,
  _ otherCount: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let others = boxes(others, otherCount)
    return [
      Tensor(
        [Int(count), Int(otherCount)],
        boxes(some, count).flatMap { box in others.map { box.intersectionOverUnion($0) } })
    ]
  }
}

/// Greedy non-maximum suppression with its decisions.
///
/// - Parameters:
///   - groups: a number per box; boxes of different groups do not suppress each other
///   - threshold: IoU over which the lower-scored of two boxes is suppressed
/// - Returns: in the answer `[n]`, the boxes by descending score; `[n, 2]`, per box the one that
///   suppressed it or -1, and the IoU of the two or 0
@_expose(wasm, "suppress") @_cdecl("suppress")
public func suppress(
  _ boxPointer: UnsafePointer<Float>, _ scores: UnsafePointer<Float>,
  _ groups: UnsafePointer<Int32>, _ count: Int32, _ threshold: Double
) -> Int32 {
  answering { () throws(Fault) in
    let (order, decisions) = nonMaximumSuppression(
      boxes(boxPointer, count), scores: floats(scores, Int(count)),
      groups: UnsafeBufferPointer(start: groups, count: Int(count)).map { Int($0) },
      threshold: threshold)
    return [
      Tensor(integers: order),
      Tensor(
        [Int(count), 2],
        decisions.flatMap { decision -> [Float] in
          switch decision {
          case .kept: [-1, 0]
          case .suppressed(let by, let overlap): [Float(by), overlap]
          }
        }),
    ]
  }
}

/// The number of the level that each box is read from, 2 for P2.
@_expose(wasm, "roi_levels") @_cdecl("roi_levels")
public func roiLevels(
  _ boxPointer: UnsafePointer<Float>, _ count: Int32, _ least: Int32, _ most: Int32,
  _ canonicalScale: Float, _ canonicalLevel: Int32
) -> Int32 {
  answering { () throws(Fault) in
    guard least <= most else {
      throw Fault("levels", "the last level is before the first", remedy: "Give others")
    }
    let rule = LevelAssignment(
      levels: Int(least)...Int(most), canonicalScale: canonicalScale,
      canonicalLevel: Int(canonicalLevel))
    return [Tensor(integers: boxes(boxPointer, count).map { rule.level(of: $0) })]
  }
}
