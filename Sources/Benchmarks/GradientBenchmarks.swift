import Kernels
import Tensors

/// A convolution whose gradients are timed.
private struct TimedConvolution {
  let images, inputs, rows, columns, outputs, kernel, stride: Int

  init(
    _ inputs: Int, _ outputs: Int, _ kernel: Int, stride: Int = 1, on rows: Int, _ columns: Int,
    images: Int = 1
  ) {
    (self.inputs, self.outputs, self.kernel, self.stride) = (inputs, outputs, kernel, stride)
    (self.rows, self.columns, self.images) = (rows, columns, images)
  }

  var name: String {
    let input = "[\(images), \(inputs), \(rows), \(columns)]"
    return "[\(outputs), \(inputs), \(kernel), \(kernel)]"
      + (stride > 1 ? " stride \(stride)" : "") + " on \(input)"
  }
}

/// Times both gradients of the convolutions of R50-FPN on an input of 800 x 1088 pixels, of small
/// networks in training, and of the mask head, whose work lies in the number of its RoIs.
///
/// The operations are those of the definition, so that Winograd's form may pass the peak.
public func gradientBenchmarks(runs: Int) -> [Timing] {
  let convolutions = [
    TimedConvolution(256, 256, 3, on: 200, 272), .init(256, 256, 3, on: 100, 136),
    .init(256, 256, 3, on: 50, 68), .init(256, 256, 3, on: 25, 34),
    .init(256, 256, 3, on: 13, 17), .init(64, 64, 3, on: 200, 272),
    .init(128, 128, 3, on: 100, 136), .init(512, 512, 3, on: 25, 34),
    .init(64, 256, 1, on: 200, 272), .init(256, 64, 1, on: 200, 272),
    .init(1024, 256, 1, on: 50, 68), .init(2048, 512, 1, on: 25, 34),
    .init(256, 512, 1, stride: 2, on: 200, 272), .init(128, 128, 3, stride: 2, on: 200, 272),
    .init(256, 256, 3, stride: 2, on: 100, 136), .init(512, 512, 3, stride: 2, on: 50, 68),
    .init(3, 64, 7, stride: 2, on: 800, 1088),
    .init(32, 32, 3, on: 80, 80, images: 8), .init(64, 64, 3, on: 80, 80, images: 8),
    .init(128, 128, 3, on: 20, 20, images: 8), .init(256, 256, 3, on: 10, 10, images: 8),
    .init(64, 128, 3, stride: 2, on: 40, 40, images: 8),
    .init(256, 256, 3, on: 14, 14, images: 128), .init(64, 64, 3, on: 14, 14, images: 128),
  ]
  var noise = BenchmarkNoise(seed: 3)
  return convolutions.flatMap { one -> [Timing] in
    let padding = one.kernel / 2
    let input = noise.tensor([one.images, one.inputs, one.rows, one.columns])
    let weight = PackedWeight(noise.tensor([one.outputs, one.inputs, one.kernel, one.kernel]))
    let gradient = noise.tensor([
      one.images, one.outputs,
      convolvedExtent(one.rows, kernel: one.kernel, stride: one.stride, padding: padding),
      convolvedExtent(one.columns, kernel: one.kernel, stride: one.stride, padding: padding),
    ])
    let operations =
      2 * Double(gradient.count) * Double(one.inputs * one.kernel * one.kernel)
    return [
      measure("\(one.name), by input", runs: runs, operations: operations) {
        convolutionInputGradient(
          gradient, weight: weight, rows: one.rows, columns: one.columns, stride: one.stride,
          padding: padding)
      }.0,
      measure("\(one.name), by weight", runs: runs, operations: operations) {
        convolutionWeightGradient(
          input, outputGradient: gradient, kernelRows: one.kernel, kernelColumns: one.kernel,
          stride: one.stride, padding: padding)
      }.0,
    ]
  }
}
