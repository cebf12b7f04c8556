// Operations on boxes: anchors, decoding, overlap, suppression, the level of a RoI.

import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Tensors

/// One anchor of a level.
///
/// - Parameters:
///   - base: the `shapes` anchors of the cell at the origin
///   - index: among the level's anchors, which count by row, by column, by shape
///   - columns: of the level's grid
///   - rowStride: input pixels between rows; `columnStride` likewise
/// - Returns: in the answer `[5]`: row and column of the cell, which of its shapes, x and y of its
///   corner in input pixels; `[1, 4]`, the anchor
@_expose(wasm, "anchor_at") @_cdecl("anchor_at")
public func anchorAt(
  _ base: UnsafePointer<Float>, _ shapes: Int32, _ index: Int32, _ columns: Int32,
  _ rowStride: Int32, _ columnStride: Int32
) -> Int32 {
  answering { () throws(Fault) in
    guard shapes > 0, columns > 0, index >= 0 else {
      throw Fault("anchor", "the level has no anchor \(index)", remedy: "Give another")
    }
    let rows = Int(index) / Int(columns * shapes) + 1
    let grid = AnchorGrid(level: 0, rows: rows, columns: Int(columns), shapes: Int(shapes))
    let place = grid.place(of: Int(index))
    let (x, y) = (place.column * Int(columnStride), place.row * Int(rowStride))
    return [
      Tensor(integers: [place.row, place.column, place.shape, x, y]),
      Tensor(boxes: [anchor(boxes(base, shapes)[place.shape], x: Float(x), y: Float(y))]),
    ]
  }
}

/// The boxes that deltas mean relative to reference boxes, pair by pair, not clipped.
///
/// - Parameters:
///   - deltas: dx, dy, dw, dh each, `count` of them
///   - isBoxHead: 1 for the box head's weights 10, 10, 5, 5; 0 for the RPN's 1, 1, 1, 1
/// - Returns: in the answer `[count, 4]`; `[count, 10]`, what is computed on the way: x and y of the
///   reference's centre, the logarithms of how width and height grow, the same limited, x and y of
///   the decoded centre, the decoded width and height
@_expose(wasm, "decode_boxes") @_cdecl("decode_boxes")
public func decodeBoxes(
  _ references: UnsafePointer<Float>, _ deltas: UnsafePointer<Float>, _ count: Int32,
  _ isBoxHead: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let coder = isBoxHead == 0 ? BoxCoder.proposals : BoxCoder.detections
    let found = boxes(references, count).enumerated().map { index, reference in
      coder.steps(
        deltas[4 * index], deltas[4 * index + 1], deltas[4 * index + 2], deltas[4 * index + 3],
        reference: reference)
    }
    return [
      Tensor(boxes: found.map { $0.box }),
      Tensor(
        [Int(count), 10],
        found.flatMap { step -> [Float] in
          [
            step.centre.x, step.centre.y, step.growth.width, step.growth.height,
            step.limited.width, step.limited.height, step.moved.x, step.moved.y, step.size.width,
            step.size.height,
          ]
        }),
    ]
  }
}

/// Intersection over union of every box of one list with every box of another.
///
/// - Returns: in the answer three times `[count, otherCount]`: IoU, the area of the intersection, that
///   of the union
@_expose(wasm, "box_overlaps") @_cdecl("box_overlaps")
public func boxOverlaps(
  _ some: UnsafePointer<Float>, _ count: Int32, _ others: UnsafePointer<Float>,
  _ otherCount: Int32
) -> Int32 {
  answering { () throws(Fault) in
    let (some, others) = (boxes(some, count), boxes(others, otherCount))
    func all(_ measure: (Box, Box) -> Float) -> Tensor {
      Tensor(
        [Int(count), Int(otherCount)],
        some.flatMap { box in others.map { measure(box, $0) } })
    }
    return [
      all { $0.intersectionOverUnion($1) }, all { $0.intersection($1) }, all { $0.union($1) },
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
///
/// - Returns: in the answer `[count]`; `[count]`, the number before it is cut and limited
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
    let boxes = boxes(boxPointer, count)
    return [
      Tensor(integers: boxes.map { rule.level(of: $0) }),
      Tensor([boxes.count], boxes.map { rule.exactLevel(of: $0) }),
    ]
  }
}
