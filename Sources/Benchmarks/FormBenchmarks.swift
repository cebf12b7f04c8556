import Kernels
import Stage3Proposals
import Stage4RoI
import Tensors

/// The same operation by each of its forms, from its definition to the fastest: what a better form
/// gains on this machine.
///
/// The definitions are timed once, after an uncounted run; the others `runs` times.
public func formBenchmarks(runs: Int) -> [Timing] {
  var noise = BenchmarkNoise(seed: 2)
  let (rows, columns) = (50, 68)
  let input = noise.tensor([1, 256, rows, columns])
  let weight = PackedWeight(noise.tensor([256, 256, 3, 3]))
  let operations = 2 * Double(weight.tensor.count * rows * columns)
  func convolution(_ name: String, runs: Int, _ body: () -> Tensor) -> Timing {
    measure("convolution 3x3, 256 to 256, \(name)", runs: runs, operations: operations, body).0
  }
  let level = noise.tensor([256, 100, 136])
  let boxes = noise.boxes(200, width: 1088, height: 800)
  func align(_ name: String, runs: Int, _ body: () -> Tensor) -> Timing {
    measure("RoIAlign, 200 boxes, 7x7, \(name)", runs: runs, body).0
  }
  let candidates = noise.boxes(4000, width: 1088, height: 800)
  let scores = (0..<candidates.count).map { _ in noise.next() }
  return [
    convolution("seven loops", runs: 1) {
      plainConvolution(input, weight: weight.tensor, padding: 1)
    },
    convolution("matrix product", runs: runs) {
      packedConvolution(input, weight: weight, padding: 1)
    },
    convolution("Winograd", runs: runs) {
      winogradConvolution(input, weight: weight, padding: 1)
    },
    align("channel by channel", runs: 1) {
      RoIOperator.torchvision.plain(level, boxes: boxes, spatialScale: 1 / 8, bins: 7)
    },
    align("channels innermost", runs: runs) {
      RoIOperator.torchvision(level, boxes: boxes, spatialScale: 1 / 8, bins: 7)
    },
    measure("NMS, 4000 boxes, one by one", runs: runs) {
      plainNonMaximumSuppression(candidates, scores: scores, threshold: 0.7)
    }.0,
    measure("NMS, 4000 boxes, eight at a time", runs: runs) {
      nonMaximumSuppression(candidates, scores: scores, threshold: 0.7)
    }.0,
  ]
}
