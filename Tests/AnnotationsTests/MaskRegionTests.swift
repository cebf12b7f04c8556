import Annotations
import Figures
import Tensors
import Testing

@Suite struct MaskRegionTests {
  /// A full rectangle.
  private func block(_ x1: Int, _ y1: Int, _ x2: Int, _ y2: Int) -> MaskRegion {
    let window = Window(x1, y1, x2, y2)
    return MaskRegion(
      window: window, isInside: [Bool](repeating: true, count: window.width * window.height))
  }

  @Test("the overlap of two rectangles, worked by hand")
  func rectangles() {
    // 4 x 4 and 4 x 4, sharing 2 x 3: 6 of 16 + 16 - 6.
    let (a, b) = (block(0, 0, 4, 4), block(2, 1, 6, 5))
    #expect(a.intersection(b) == 6 && b.intersection(a) == 6)
    #expect(a.intersectionOverUnion(b) == 6.0 / 26)
    #expect(a.intersectionOverUnion(a) == 1)
    // Neighbours, and windows that are apart along one axis only.
    #expect(a.intersection(block(4, 0, 8, 4)) == 0)
    #expect(a.intersection(block(0, 9, 4, 12)) == 0)
    let nothing = block(3, 3, 3, 3)
    #expect(nothing.intersectionOverUnion(nothing) == 0)
  }

  @Test("overlaps over windows are those of whole images, pixel by pixel")
  func againstWholeImages() {
    let side = 24
    var seed: UInt64 = 5
    func next(_ limit: Int) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(seed >> 33) % limit
    }
    func random() -> MaskRegion {
      let (x, y) = (next(side - 1), next(side - 1))
      let window = Window(x, y, x + 1 + next(side - x), y + 1 + next(side - y))
      return MaskRegion(
        window: window, isInside: (0..<window.width * window.height).map { _ in next(3) > 0 })
    }
    func whole(_ region: MaskRegion) -> [Bool] {
      (0..<side * side).map { position in
        let (y, x) = position.quotientAndRemainder(dividingBy: side)
        let window = region.window
        guard x >= window.x1, x < window.x2, y >= window.y1, y < window.y2 else { return false }
        return region.isInside[(y - window.y1) * window.width + x - window.x1]
      }
    }
    for _ in 0..<200 {
      let (a, b) = (random(), random())
      let shared = zip(whole(a), whole(b)).count { $0 && $1 }
      #expect(a.intersection(b) == shared)
    }
  }

  @Test("a label map's objects, with a label missing and an object in two pieces")
  func labels() {
    let map = [
      0, 1, 0, 3,
      0, 1, 0, 0,
      3, 0, 0, 3,
    ]
    let objects = MaskRegion.objects(labels: map, width: 4)
    #expect(objects.map(\.area) == [2, 3])
    #expect(objects.map(\.window) == [Window(1, 0, 2, 2), Window(0, 0, 4, 3)])
  }
}
