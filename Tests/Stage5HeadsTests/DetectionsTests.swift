import Kernels
import Stage0Input
import Tensors
import Testing

@testable import Stage5Heads

@Suite struct DetectionsTests {
  private let options = DetectionOptions(
    scoreThreshold: 0.05, minimumSize: 1e-2, nmsThreshold: 0.5, detectionsPerImage: 2)

  @Test("scores over the threshold become detections; the background never does")
  func threshold() {
    let scores = Tensor([2, 3], [0.9, 0.05, 0.05, 0.1, 0.2, 0.7])
    let boxes = Tensor(boxes: Array(repeating: Box(0, 0, 4, 4), count: 6)).reshaped([2, 3, 4])
    let found = detectionCandidates(scores: scores, refined: boxes, options)
    // A score of exactly the threshold does not pass.
    #expect(found.ledger.map(\.proposal) == [1, 1])
    #expect(found.detected.map(\.label) == [2, 1])
  }

  @Test("classes do not suppress each other; within one, the better box wins")
  func perClass() {
    let scores = Tensor([3, 3], [0, 0.9, 0.1, 0, 0.8, 0.2, 0, 0.7, 0.3])
    let near = [Box(0, 0, 10, 10), Box(1, 0, 10, 10), Box(50, 50, 60, 60)]
    let refined = Tensor(boxes: near.flatMap { [$0, $0, $0] }).reshaped([3, 3, 4])
    var all = options
    all.detectionsPerImage = 10
    let found = detectionCandidates(scores: scores, refined: refined, all)
    #expect(found.detected.map(\.score) == [0.9, 0.7, 0.3, 0.2])
    #expect(found.detected.map(\.label) == [1, 1, 2, 2])
    // Entry 2 (proposal 1, class 1) lost to entry 0: IoU 90 / 100.
    #expect(found.ledger[2].fate == .suppressed(by: 0, overlap: 0.9))
    let limited = detectionCandidates(scores: scores, refined: refined, options)
    #expect(limited.detected.map(\.score) == [0.9, 0.7])
    #expect(limited.ledger.count { $0.fate == .beyondLimit } == 2)
  }

  @Test("a box without area is too small")
  func small() {
    let found = detectionCandidates(
      scores: Tensor([1, 2], [0.1, 0.9]),
      refined: Tensor([1, 2, 4], [0, 0, 0, 0, 5, 5, 5, 9]), options)
    #expect(found.ledger.map(\.fate) == [.tooSmall] && found.kept.isEmpty)
  }

  @Test("nothing in, nothing out")
  func empty() {
    let found = detectionCandidates(
      scores: Tensor([0, 3], []), refined: Tensor([0, 3, 4], []), options)
    #expect(found.kept.isEmpty)
  }

  @Test("each detection's mask is that of its own class")
  func masks() {
    let logits = Tensor([1, 2, 1, 2], [0, 0, 100, -100])
    #expect(maskProbabilities(logits, labels: [1], .sigmoid).values == [1, 0])
    #expect(maskProbabilities(logits, labels: [0], .sigmoid).values == [0.5, 0.5])
  }

  @Test("where classes compete for pixels, the probabilities of all classes sum to 1")
  func competingMasks() {
    // Two cells of three classes: 1 : 1 : 2, and 0 : 0 : 1.
    let log2: Float = 0.693_147_2
    let logits = Tensor([1, 3, 1, 2], [0, 0, 0, 0, log2, 200])
    #expect(maskProbabilities(logits, labels: [1], .softmax).values == [0.25, 0])
    #expect(maskProbabilities(logits, labels: [2], .softmax).values == [0.5, 1])
  }

  @Test("softmax of large logits neither overflows nor loses the sum")
  func softmaxOfLargeLogits() {
    let scores = softmax(Tensor([1, 3], [1000, 1000, -1000]))
    #expect(scores.values == [0.5, 0.5, 0])
  }
}

@Suite struct BoxBranchTests {
  @Test("proposals of two images are refined, clipped and chosen apart")
  func images() {
    // The second image is narrower, and one of its two proposals equals the first image's.
    let proposals = [[Box(0, 0, 10, 10)], [Box(0, 0, 10, 10), Box(2, 0, 30, 10)]]
    let prediction = BoxPrediction(
      features: Tensor([3, 1], repeating: 0), classLogits: Tensor([3, 2], repeating: 0),
      classScores: Tensor([3, 2], [0.2, 0.8, 0.1, 0.9, 0.7, 0.3]),
      deltas: Tensor([3, 8], repeating: 0))
    let options = DetectionOptions(
      scoreThreshold: 0.05, minimumSize: 1e-2, nmsThreshold: 0.5, detectionsPerImage: 10)
    let branch = BoxBranch(
      prediction, proposals: proposals,
      images: [ImageSize(height: 20, width: 40), ImageSize(height: 20, width: 20)], options)
    #expect(branch.refined.shape == [3, 2, 4])
    let found = branch.candidates.map(\.detected)
    #expect(found.map { $0.map(\.proposal) } == [[0], [0, 1]])
    #expect(found.map { $0.map(\.score) } == [[0.8], [0.9, 0.3]])
    #expect(found[1][1].box == Box(2, 0, 20, 10))
  }
}
