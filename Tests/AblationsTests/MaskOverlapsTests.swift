import Annotations
import Tensors
import Testing

@testable import Ablations

@Suite struct MaskOverlapsTests {
  /// A full rectangle.
  private func block(_ x1: Int, _ y1: Int, _ x2: Int, _ y2: Int) -> MaskRegion {
    let window = Window(x1, y1, x2, y2)
    return MaskRegion(
      window: window, isInside: [Bool](repeating: true, count: window.width * window.height))
  }

  @Test("matching is one to one, the better score choosing first, and only within a class")
  func matching() {
    // Both lie on the same object; the second better.
    let found = [block(0, 0, 10, 8), block(0, 0, 10, 10), block(20, 0, 30, 6)]
    let there = [block(0, 0, 10, 10), block(20, 0, 30, 10)]
    let overlaps = MaskOverlaps(found, there)
    #expect(
      overlaps.matches(threshold: 0.5) == [
        .init(first: 0, second: 0, overlap: 0.8), .init(first: 2, second: 1, overlap: 0.6),
      ])
    #expect(overlaps.matches(threshold: 0.75).map(\.first) == [0])
    #expect(overlaps.matches(threshold: 0.9).map(\.first) == [1])
    #expect(overlaps.bestOfSecond == [1, 0.6])
    let classes = MaskOverlaps(found, there, labels: ([2, 1, 1], [1, 1]))
    #expect(classes.matches(threshold: 0.5).map(\.first) == [1, 2])

    // Of equal overlaps the later, as pycocotools' evaluateImg.
    let twice = MaskOverlaps([there[0]], [there[0], there[0]])
    #expect(twice.matches(threshold: 0.5).map(\.second) == [1])

    let score = TruthScore(found, truth: there + [block(50, 50, 52, 52)])
    #expect(score.objects == 3 && score.matchedAtHalf == 2 && score.matchedAtThreeQuarters == 1)
    #expect(score.unmatchedAtHalf == 1)
    // 80 of 100 pixels, 60 of 100.
    #expect(abs(score.meanAreaRatio - 0.7) < 1e-6)
    #expect(abs(score.meanOfMatched - 0.7) < 1e-6)
    #expect(abs(score.meanOfBest - 1.6 / 3) < 1e-6)
  }
}
