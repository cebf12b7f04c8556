import Stage7Targets
import Tensors
import Testing

@Suite struct MatcherTests {
  private func match(
    _ truth: Int?, _ overlap: Float, _ label: MatchLabel, best: Bool = false
  ) -> Match {
    Match(truth: truth, overlap: overlap, label: label, isBest: best)
  }

  @Test("labels by thresholds: from 0.7 positive, below 0.3 negative, between ignored")
  func thresholds() {
    let overlaps = Tensor([1, 6], [0.9, 0.7, 0.69, 0.3, 0.29, 0])
    #expect(
      Matcher.anchors(overlaps) == [
        match(0, 0.9, .positive, best: true), match(0, 0.7, .positive), match(0, 0.69, .ignored),
        match(0, 0.3, .ignored), match(0, 0.29, .negative), match(0, 0, .negative),
      ])
    #expect(
      Matcher.proposals(Tensor([1, 2], [0.5, 0.49])).map(\.label) == [.positive, .negative])
  }

  @Test("a box belongs to the object that it overlaps most, of equal ones to the first")
  func ties() {
    let overlaps = Tensor([3, 3], [0.2, 0.6, 0.5, 0.4, 0.6, 0.5, 0.1, 0.6, 0.8])
    let matches = Matcher.proposals(overlaps)
    #expect(matches.map(\.truth) == [1, 0, 2])
    #expect(matches.map(\.label) == [.negative, .positive, .positive])
  }

  @Test("every box that overlaps an object most is positive, below the threshold too")
  func best() {
    // The first object's best are boxes 0 and 2, both at 0.4; the second's is box 1 at 0.35.
    let overlaps = Tensor([2, 4], [0.4, 0.3, 0.4, 0.1, 0, 0.35, 0.2, 0.1])
    #expect(
      Matcher.anchors(overlaps) == [
        match(0, 0.4, .positive, best: true), match(1, 0.35, .positive, best: true),
        match(0, 0.4, .positive, best: true), match(0, 0.1, .negative),
      ])
  }

  @Test("a best box still belongs to the object that it overlaps more")
  func bestOfAnother() {
    // Box 0 is the best of both objects, and overlaps the first more.
    let overlaps = Tensor([2, 2], [0.6, 0.1, 0.2, 0.1])
    #expect(
      Matcher.anchors(overlaps) == [
        match(0, 0.6, .positive, best: true), match(0, 0.1, .negative),
      ])
  }

  @Test("an object that no box touches makes every box positive that it does not touch")
  func untouched() {
    let overlaps = Tensor([2, 3], [0.1, 0.8, 0, 0, 0, 0])
    #expect(Matcher.anchors(overlaps).map(\.label) == [.positive, .positive, .positive])
  }

  @Test("without objects every box is negative; without boxes there are no matches")
  func empty() {
    let background = match(nil, 0, .negative)
    #expect(Matcher.anchors(Tensor([0, 2], [])) == [background, background])
    #expect(Matcher.anchors(Tensor([2, 0], [])).isEmpty)
    #expect(Matcher.anchors(Tensor([0, 0], [])).isEmpty)
  }

  @Test("overlaps by hand")
  func overlapsByHand() {
    // Eight of ten columns shared: 8 / 12. Apart: 0. Both empty: 0, not NaN.
    let found = overlaps(
      [Box(0, 0, 10, 1), Box(5, 5, 5, 5)], [Box(2, 0, 12, 1), Box(20, 0, 30, 1), Box(5, 5, 5, 5)])
    #expect(found == Tensor([2, 3], [8.0 / 12, 0, 0, 0, 0, 0]))
  }
}

@Suite struct SamplerTests {
  private let labels: [MatchLabel] =
    Array(repeating: .positive, count: 30) + Array(repeating: .ignored, count: 10)
    + Array(repeating: .negative, count: 60)

  @Test("at most the fraction is positive, negative ones fill up, ignored ones are never drawn")
  func balance() {
    func counts(_ count: Int, _ fraction: Double) -> [Int] {
      var generator = SeededGenerator(seed: 1)
      let drawn = Sampling.balanced(count: count, positiveFraction: fraction)(
        labels, using: &generator)
      #expect(drawn == Set(drawn).sorted())
      return MatchLabel.allCases.map { label in drawn.count { labels[$0] == label } }
    }
    // Ignored, negative, positive.
    #expect(counts(40, 0.5) == [0, 20, 20])
    #expect(counts(80, 0.5) == [0, 50, 30])
    #expect(counts(512, 0.25) == [0, 60, 30])
    #expect(counts(10, 0.25) == [0, 8, 2])
    #expect(counts(0, 0.5) == [0, 0, 0])
  }

  @Test("a seed draws the same boxes, another seed others, and every box can be drawn")
  func chance() {
    func drawn(_ seed: UInt64) -> [Int] {
      var generator = SeededGenerator(seed: seed)
      return Sampling.balanced(count: 20, positiveFraction: 0.5)(labels, using: &generator)
    }
    #expect(drawn(7) == drawn(7))
    #expect(drawn(7) != drawn(8))
    #expect(Set((0..<200).flatMap { drawn($0) }).count == 90)
  }

  @Test("all: every positive and negative box, and no number drawn; recorded: those named")
  func all() {
    var generator = SeededGenerator(seed: 1)
    #expect(Sampling.all(labels, using: &generator) == Array(0..<30) + Array(40..<100))
    #expect(Sampling.recorded([3, 50])(labels, using: &generator) == [3, 50])
    #expect(generator == SeededGenerator(seed: 1))
  }
}
