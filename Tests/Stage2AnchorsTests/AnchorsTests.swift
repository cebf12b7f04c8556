import Stage2Anchors
import Tensors
import Testing

@Suite struct AnchorsTests {
  @Test("the anchors of a cell, by hand")
  func base() {
    // Ratio 1: 32 x 32. Ratio 0.5: height 32 * sqrt(0.5) = 22.6, width 45.3; halves 11.3 and 22.6,
    // rounded. Ratio 2 the other way round.
    #expect(
      baseAnchors(size: 32, aspectRatios: [0.5, 1, 2]) == [
        Box(-23, -11, 23, 11), Box(-16, -16, 16, 16), Box(-11, -23, 11, 23),
      ])
  }

  @Test("anchors sit at cell corners, by row, by column, by shape")
  func grid() {
    let base = [Box(-1, -2, 1, 2), Box(-3, -3, 3, 3)]
    let anchors = gridAnchors(base: base, rows: 2, columns: 3, rowStride: 8, columnStride: 4)
    #expect(anchors.count == 12)
    #expect(anchors[0] == Box(-1, -2, 1, 2))
    #expect(anchors[1] == Box(-3, -3, 3, 3))
    #expect(anchors[2] == Box(3, -2, 5, 2))
    // Row 1, column 2, shape 0: (8, 8).
    #expect(anchors[10] == Box(7, 6, 9, 10))
  }
}
