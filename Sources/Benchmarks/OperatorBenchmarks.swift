import Kernels
import Stage3Proposals
import Stage4RoI
import Stage6Masks
import Tensors

/// The operators that torchvision has by themselves, on inputs of the size that R50-FPN gives them.
///
/// The inputs come from `BenchmarkNoise`, in the order of the properties;
/// `Fixtures/record/peer_workers.py` makes the same bits and gives them to torchvision.
public struct OperatorInputs: Sendable {
  /// P2 … P5 of an input of 800 x 1088 pixels, `[1, 256, H, W]`.
  public let pyramid: [Tensor]
  /// 1000 boxes for the RoI operators, in pixels of that input.
  public let boxes: [Box]
  /// The place in `pyramid` of the level that each of them is read from.
  public let levels: [Int]
  /// 4000 boxes for non-maximum suppression.
  public let candidates: [Box]
  /// Their scores.
  public let scores: [Float]
  /// 100 masks to paste, `[100, 28, 28]`.
  public let masks: Tensor
  /// Where they go in an image of 640 x 480 pixels.
  public let places: [Box]
  /// `[1536, 2048]`, the matrix product's first operand.
  public let left: Tensor
  /// `[2048, 2048]`, its second, one row per column of the product.
  public let right: PackedWeight

  /// Makes the inputs, the same ones each time.
  public init() {
    var noise = BenchmarkNoise(seed: 1)
    let (width, height) = (1088, 800)
    pyramid = [4, 8, 16, 32].map { stride in
      noise.tensor([1, 256, height / stride, width / stride])
    }
    boxes = noise.boxes(1000, width: width, height: height)
    levels = boxes.map {
      pyramidLevel(of: $0, among: 2...5) - 2
    }
    candidates = noise.boxes(4000, width: width, height: height)
    scores = (0..<4000).map { _ in noise.next() }
    masks = noise.tensor([100, 28, 28])
    places = noise.boxes(100, width: 640, height: 480)
    left = noise.tensor([1536, 2048])
    right = PackedWeight(noise.tensor([2048, 2048]))
  }

  /// A RoI operator on all boxes: `[1000, 256, 7, 7]`.
  public func features(_ roiOperator: RoIOperator) -> Tensor {
    roiFeatures(
      pyramid, boxes: boxes, levels: levels, scales: [1 / 4, 1 / 8, 1 / 16, 1 / 32], bins: 7,
      operator: roiOperator)
  }

  /// Which candidates stay at an IoU of 0.7, by descending score.
  public func suppressed() -> [Int] {
    keptByNonMaximumSuppression(candidates, scores: scores, threshold: 0.7)
  }

  /// The masks in the image, each in its window.
  public func pasted() -> [PastedMask] {
    pasteMasks(masks, boxes: places, width: 640, height: 480)
  }

  /// The matrix product, `[1536, 2048]`.
  public func product() -> Tensor { linear(left, weight: right) }

  /// Multiplications and additions of the matrix product.
  public var productOperations: Double { 2 * Double(left.count * right.tensor.shape[0]) }
}

/// Times the operators by themselves.
public func operatorBenchmarks(runs: Int) -> [Timing] {
  let inputs = OperatorInputs()
  let (m, n, k) = (inputs.left.shape[0], inputs.right.tensor.shape[0], inputs.left.shape[1])
  return [
    measure("RoIAlign, 1000 boxes, 7x7, four levels", runs: runs) {
      inputs.features(.torchvision)
    }.0,
    measure("RoIPool, 1000 boxes, 7x7, four levels", runs: runs) { inputs.features(.pool) }.0,
    measure("NMS, 4000 boxes", runs: runs) { inputs.suppressed() }.0,
    measure("paste, 100 masks into 640 x 480", runs: runs) { inputs.pasted() }.0,
    measure(
      "matrix product \(m) x \(n) x \(k)", runs: runs, operations: inputs.productOperations
    ) { inputs.product() }.0,
  ]
}

/// Numbers that look random and are the same everywhere: a linear congruential generator of 64
/// bits, `state = state * 6364136223846793005 + 1442695040888963407`, the upper 24 bits taken.
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

  /// Boxes of sides from 8 to 256 pixels, half of them small, inside an image.
  mutating func boxes(_ count: Int, width: Int, height: Int) -> [Box] {
    (0..<count).map { _ in
      let (sideX, sideY) = (8 + 248 * next() * next(), 8 + 248 * next() * next())
      let x = next() * (Float(width) - sideX)
      let y = next() * (Float(height) - sideY)
      return Box(x, y, x + sideX, y + sideY)
    }
  }
}
