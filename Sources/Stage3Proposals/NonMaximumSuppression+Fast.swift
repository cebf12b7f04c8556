// Stage 3, non-maximum suppression once more, for speed: the same arithmetic on eight kept boxes at
// a time, in the order in which they were kept.

import Tensors

/// The boxes of one group that are kept so far, in vectors of eight, with their areas.
struct KeptBoxes {
  private typealias Lanes = SIMD8<Float>

  private struct Block {
    var x1, y1, x2, y2, area: Lanes
  }

  /// The greatest 32-bit number that is not over the threshold: a 32-bit number is greater than the
  /// one just when it is greater than the other.
  private let limit: Float
  private var blocks: [Block] = []
  private var indices: [Int] = []

  init(threshold: Double) {
    let nearest = Float(threshold)
    limit = Double(nearest) > threshold ? nearest.nextDown : nearest
  }

  /// Keeps one more box; `index` is what it is called by.
  mutating func append(_ box: Box, _ index: Int) {
    let lane = indices.count % Lanes.scalarCount
    if lane == 0 {
      // A box that is not a number overlaps none.
      let none = Lanes(repeating: .nan)
      blocks.append(Block(x1: none, y1: none, x2: none, y2: none, area: none))
    }
    let last = blocks.count - 1
    blocks[last].x1[lane] = box.x1
    blocks[last].y1[lane] = box.y1
    blocks[last].x2[lane] = box.x2
    blocks[last].y2[lane] = box.y2
    blocks[last].area[lane] = box.area
    indices.append(index)
  }

  /// The box kept first of those whose IoU with `box` is over the threshold, and that IoU:
  /// `Box.intersectionOverUnion`, step by step.
  func firstOverlapping(_ box: Box) -> (index: Int, overlap: Float)? {
    let (x1, y1) = (Lanes(repeating: box.x1), Lanes(repeating: box.y1))
    let (x2, y2) = (Lanes(repeating: box.x2), Lanes(repeating: box.y2))
    let area = Lanes(repeating: box.area)
    return blocks.withUnsafeBufferPointer { blocks in
      for (number, block) in blocks.enumerated() {
        let left = block.x1.replacing(with: x1, where: x1 .>= block.x1)
        let top = block.y1.replacing(with: y1, where: y1 .>= block.y1)
        let right = block.x2.replacing(with: x2, where: x2 .< block.x2)
        let bottom = block.y2.replacing(with: y2, where: y2 .< block.y2)
        let (width, height) = (right - left, bottom - top)
        let intersection =
          Lanes.zero.replacing(with: width, where: width .>= 0)
          * Lanes.zero.replacing(with: height, where: height .>= 0)
        // Most boxes lie apart. Without an intersection the IoU is 0, or not a number.
        if limit >= 0, !any(intersection .> 0) { continue }
        let overlap = intersection / (block.area + area - intersection)
        let isOver = overlap .> limit
        guard any(isOver), let lane = isOver.indices.first(where: { isOver[$0] }) else { continue }
        return (indices[number * Lanes.scalarCount + lane], overlap[lane])
      }
      return nil
    }
  }
}
