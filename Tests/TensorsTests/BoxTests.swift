import Tensors
import Testing

@Suite("Boxes")
struct BoxTests {
  @Test("intersection over union, by hand")
  func intersectionOverUnion() {
    let box = Box(0, 0, 4, 2)  // area 8
    #expect(box.intersectionOverUnion(box) == 1)
    #expect(box.intersectionOverUnion(Box(2, 1, 4, 5)) == Float(2) / 14)
    #expect(box.intersectionOverUnion(Box(4, 0, 6, 2)) == 0)  // they touch
    #expect(box.intersectionOverUnion(Box(9, 9, 8, 8)) == 0)
    #expect(Box(1, 1, 1, 1).intersectionOverUnion(Box(1, 1, 1, 1)).isNaN)
  }

  @Test("clipping, scaling, extents")
  func clipping() {
    let box = Box(-1, 2, 12, 30).clipped(width: 10, height: 20)
    #expect(box == Box(0, 2, 10, 20))
    #expect(box.width == 10 && box.height == 18 && box.area == 180)
    #expect(box.scaled(x: 2, y: 0.5) == Box(0, 1, 20, 10))
  }

  @Test("a tensor holds boxes row by row")
  func tensor() {
    let boxes = [Box(1, 2, 3, 4), Box(5, 6, 7, 8)]
    #expect(Tensor(boxes: boxes).shape == [2, 4])
    #expect(Tensor(boxes: boxes).boxes == boxes)
    #expect(Tensor(boxes: []).shape == [0, 4])
  }
}
