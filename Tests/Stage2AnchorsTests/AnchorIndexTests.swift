import Stage0Input
import Stage2Anchors
import Tensors
import Testing

@Suite struct AnchorIndexTests {
  /// P2 of 2 x 3 cells, P3 without any, P4 of one cell; two anchors each.
  private let grids = AnchorGrids(
    firstLevel: 2,
    [
      (rows: 2, columns: 3, shapes: 2), (rows: 0, columns: 2, shapes: 2),
      (rows: 1, columns: 1, shapes: 2),
    ])

  @Test("anchors count by level, row, column, shape")
  func places() {
    #expect(grids.count == 14)
    // P2's cell (1, 0) is its fourth: its second anchor is number (3 * 2) + 1.
    #expect(grids.place(of: 7) == AnchorPlace(level: 2, row: 1, column: 0, shape: 1))
    // P2 has 12; P4's begin after them, for P3 has none.
    #expect(grids.place(of: 12) == AnchorPlace(level: 4, row: 0, column: 0, shape: 0))
    #expect(grids.levels.map(\.indices) == [0..<12, 12..<12, 12..<14])
  }

  @Test("an index is read from its place, and a place that is not there has none")
  func indices() {
    for index in 0..<14 { #expect(grids.index(of: grids.place(of: index)) == index) }
    #expect(grids.index(of: AnchorPlace(level: 3, row: 0, column: 0, shape: 0)) == nil)
    #expect(grids.index(of: AnchorPlace(level: 2, row: 0, column: 3, shape: 0)) == nil)
    #expect(grids.index(of: AnchorPlace(level: 6, row: 0, column: 0, shape: 0)) == nil)
  }

  @Test("the order is that of the anchors' boxes")
  func boxes() {
    let base = baseAnchors(size: 8, aspectRatios: [0.5, 2])
    let anchors = gridAnchors(base: base, rows: 2, columns: 3, rowStride: 4, columnStride: 5)
    let box = anchors[grids.levels[0].index(row: 1, column: 2, shape: 1)]
    #expect(box == Box(base[1].x1 + 10, base[1].y1 + 4, base[1].x2 + 10, base[1].y2 + 4))
  }

  @Test("logits and deltas lie where N A H W and N 4 A H W have them")
  func offsets() {
    let grid = grids.levels[0]
    // [N, A, H, W] = [n, 2, 2, 3]: image 1, anchor 1, row 1, column 2.
    #expect(
      grid.logitOffset(image: 1, row: 1, column: 2, shape: 1) == ((1 * 2 + 1) * 2 + 1) * 3 + 2)
    // [N, 4 A, H, W] = [n, 8, 2, 3]: channel 4 of image 1.
    #expect(
      grid.deltaOffset(image: 1, row: 1, column: 2, shape: 1) == ((1 * 8 + 4) * 2 + 1) * 3 + 2)
  }

  @Test("anchors of neighbouring cells lie whole pixels apart")
  func strides() {
    let stride = anchorStride(of: ImageSize(height: 800, width: 1088), rows: 13, columns: 17)
    #expect(stride.rows == 61 && stride.columns == 64)
  }
}
