import Kernels
import Stage5Heads
import Tensors
import Testing

@Suite struct DetectionsTests {
  private let options = DetectionOptions(
    scoreThreshold: 0.05, minimumSize: 1e-2, nmsThreshold: 0.5, detectionsPerImage: 2)

  @Test("scores over the threshold become detections; the background never does")
  func threshold() {
    let scores = Tensor([2, 3], [0.9, 0.05, 0.05, 0.1, 0.2, 0.7])
    let boxes = Tensor(boxes: Array(repeating: Box(0, 0, 4, 4), count: 6)).reshaped([2, 3, 4])
    let found = detections(scores: scores, refined: boxes, options)
    // A score of exactly the threshold does not pass.
    #expect(found.ledger.map(\.proposal) == [1, 1])
    #expect(found.all.map(\.label) == [2, 1])
  }

  @Test("classes do not suppress each other; within one, the better box wins")
  func perClass() {
    let scores = Tensor([3, 3], [0, 0.9, 0.1, 0, 0.8, 0.2, 0, 0.7, 0.3])
    let near = [Box(0, 0, 10, 10), Box(1, 0, 10, 10), Box(50, 50, 60, 60)]
    let refined = Tensor(boxes: near.flatMap { [$0, $0, $0] }).reshaped([3, 3, 4])
    var all = options
    all.detectionsPerImage = 10
    let found = detections(scores: scores, refined: refined, all)
    #expect(found.all.map(\.score) == [0.9, 0.7, 0.3, 0.2])
    #expect(found.all.map(\.label) == [1, 1, 2, 2])
    // Entry 2 (proposal 1, class 1) lost to entry 0: IoU 90 / 100.
    #expect(found.ledger[2].fate == .suppressed(by: 0, overlap: 0.9))
    let limited = detections(scores: scores, refined: refined, options)
    #expect(limited.all.map(\.score) == [0.9, 0.7])
    #expect(limited.ledger.count { $0.fate == .beyondLimit } == 2)
  }

  @Test("a box without area is too small")
  func small() {
    let found = detections(
      scores: Tensor([1, 2], [0.1, 0.9]),
      refined: Tensor([1, 2, 4], [0, 0, 0, 0, 5, 5, 5, 9]), options)
    #expect(found.ledger.map(\.fate) == [.tooSmall] && found.kept.isEmpty)
  }

  @Test("nothing in, nothing out")
  func empty() {
    let found = detections(
      scores: Tensor([0, 3], []), refined: Tensor([0, 3, 4], []), options)
    #expect(found.kept.isEmpty)
  }

  @Test("each detection's mask is that of its own class")
  func masks() {
    let logits = Tensor([1, 2, 1, 2], [0, 0, 100, -100])
    #expect(maskProbabilities(logits, labels: [1]).values == [1, 0])
    #expect(maskProbabilities(logits, labels: [0]).values == [0.5, 0.5])
  }

  @Test("softmax of large logits neither overflows nor loses the sum")
  func softmaxOfLargeLogits() {
    let scores = softmax(Tensor([1, 3], [1000, 1000, -1000]))
    #expect(scores.values == [0.5, 0.5, 0])
  }
}
