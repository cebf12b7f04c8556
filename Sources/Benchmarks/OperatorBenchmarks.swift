import Kernels
import Stage3Proposals
import Stage4RoI
import Stage6Masks
import Tensors

/// The operators that torchvision has by themselves, on inputs of the size that R50-FPN gives them.
/// `Fixtures/record/bench_peers.py` times torchvision's on inputs made by the same formula.
public func operatorBenchmarks(runs: Int) -> [Timing] {
  var noise = BenchmarkNoise(seed: 1)
  let (width, height) = (1088, 800)
  let pyramid = [4, 8, 16, 32].map { stride in
    noise.tensor([1, 256, height / stride, width / stride])
  }  // [1, C, H, W]
  let boxes = noise.boxes(1000, width: width, height: height)
  let levels = boxes.map { pyramidLevel(of: $0, among: RoIStage.levelNumbers) }
  func roi(_ roiOperator: RoIOperator) -> Tensor {
    roiFeatures(
      pyramid, boxes: boxes, levels: levels, scales: [1 / 4, 1 / 8, 1 / 16, 1 / 32], bins: 7,
      operator: roiOperator)
  }
  let many = noise.boxes(4000, width: width, height: height)
  let scores = (0..<4000).map { _ in noise.next() }
  let masks = noise.tensor([100, 28, 28])
  let placed = noise.boxes(100, width: 640, height: 480)
  let (m, n, k) = (1536, 2048, 2048)
  let (left, right) = (noise.tensor([m, k]), PackedWeight(noise.tensor([n, k])))
  return [
    measure("RoIAlign, 1000 boxes, 7x7, four levels", runs: runs) { roi(.torchvision) }.0,
    measure("RoIPool, 1000 boxes, 7x7, four levels", runs: runs) { roi(.pool) }.0,
    measure("NMS, 4000 boxes", runs: runs) {
      keptByNonMaximumSuppression(many, scores: scores, threshold: 0.7)
    }.0,
    measure("paste, 100 masks into 640 x 480", runs: runs) {
      placed.indices.map {
        pasteMask(masks.slice($0), box: placed[$0], width: 640, height: 480)
      }
    }.0,
    measure(
      "matrix product \(m) x \(n) x \(k)", runs: runs, operations: 2 * Double(m * n * k)
    ) { linear(left, weight: right) }.0,
  ]
}

/// Numbers that look random and are the same everywhere: a linear congruential generator of 64 bits,
/// `state = state * 6364136223846793005 + 1442695040888963407`, the upper 24 bits taken.
struct BenchmarkNoise {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// The next number in [0, 1).
  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) * 0x1p-24
  }

  mutating func tensor(_ shape: Shape) -> Tensor {
    Tensor(shape, (0..<shape.count).map { _ in next() })
  }

  /// Boxes of sides from 8 to 256 pixels, half of them small, inside a picture.
  mutating func boxes(_ count: Int, width: Int, height: Int) -> [Box] {
    (0..<count).map { _ in
      let (sideX, sideY) = (8 + 248 * next() * next(), 8 + 248 * next() * next())
      let x = next() * (Float(width) - sideX)
      let y = next() * (Float(height) - sideY)
      return Box(x, y, x + sideX, y + sideY)
    }
  }
}
