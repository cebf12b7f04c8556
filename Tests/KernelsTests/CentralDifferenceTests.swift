import Kernels
import Tensors
import TestFixtures
import Testing

// The definitions of the gradients against central differences of the forward operations in 64
// bits.
//
// The loss is the sum of the output times noise, so that the noise is the output's gradient. All
// operations but the norm are linear in each of their arguments, or linear in pieces, so their
// central differences are exact but for rounding. What is left is the rounding of the gradient to
// 32 bits, and the sums of the input's gradients, which are kept in 32 bits: some 40 terms here.

private let tolerance = 40 * 0x1p-24

@Suite struct CentralDifferenceTests {
  static let convolutions: [ConvolutionCase] = [
    ConvolutionCase(1, 1, 1, 1, 1, 1, 1, 0, 1), .init(2, 3, 5, 4, 4, 3, 1, 1, 1),
    .init(1, 2, 7, 6, 3, 3, 2, 1, 1), .init(1, 2, 6, 7, 2, 3, 2, 0, 1),
    .init(2, 4, 5, 5, 6, 3, 1, 1, 2), .init(1, 3, 6, 5, 2, 1, 2, 0, 1),
    .init(1, 2, 9, 8, 2, 7, 2, 3, 1), .init(1, 1, 5, 5, 1, 2, 3, 1, 1),
    .init(1, 2, 3, 3, 2, 1, 1, 2, 1), .init(1, 4, 7, 5, 4, 3, 2, 1, 4),
  ]

  @Test("a convolution's gradients", arguments: convolutions)
  func convolution(_ c: ConvolutionCase) {
    var noise = Noise(UInt64(c.i * 41 + c.o + c.h))
    let input = noise.tensor([c.n, c.i, c.h, c.w])
    let weight = noise.tensor([c.o, c.i / c.groups, c.k, c.k])
    let forward = { (x: DoubleTensor, w: DoubleTensor) in
      DoubleReference.convolution(
        x, w, stride: c.stride, padding: c.padding, groups: c.groups)
    }
    let gradient = noise.tensor(Shape(forward(DoubleTensor(input), DoubleTensor(weight)).shape))
    let byInput = plainConvolutionInputGradient(
      gradient, weight: weight, rows: c.h, columns: c.w, stride: c.stride, padding: c.padding,
      groups: c.groups)
    let byWeight = plainConvolutionWeightGradient(
      input, outputGradient: gradient, kernelRows: c.k, kernelColumns: c.k, stride: c.stride,
      padding: c.padding, groups: c.groups)
    #expect(
      centralError(of: "convolution, by input", byInput, at: input) {
        inner(forward($0, DoubleTensor(weight)), gradient)
      }
        < tolerance)
    #expect(
      centralError(of: "convolution, by weight", byWeight, at: weight) {
        inner(forward(DoubleTensor(input), $0), gradient)
      }
        < tolerance)
    // A bias moves every position of its channel alike.
    let bias = Tensor([c.o], repeating: 0)
    let output = forward(DoubleTensor(input), DoubleTensor(weight))
    let error = centralError(of: "bias (channel sums)", plainChannelSums(gradient), at: bias) {
      bias in
      inner(
        DoubleReference.finish(
          output, scale: DoubleTensor([c.o], repeating: 1), shift: bias,
          adding: DoubleTensor(output.shape), rectified: false), gradient)
    }
    #expect(error < tolerance)
  }

  @Test("a transposed convolution's gradients", arguments: [1, 2, 3])
  func transposedConvolution(_ kernel: Int) {
    var noise = Noise(UInt64(kernel + 60))
    let input = noise.tensor([2, 3, 2, 5])
    let weight = noise.tensor([3, 4, kernel, kernel])
    let gradient = noise.tensor([2, 4, 2 * kernel, 5 * kernel])
    let forward = DoubleReference.transposedConvolution
    let byInput = plainTransposedConvolutionInputGradient(gradient, weight: weight)
    let byWeight = plainTransposedConvolutionWeightGradient(
      input, outputGradient: gradient, kernel: kernel)
    #expect(
      centralError(of: "transposed convolution, by input", byInput, at: input) {
        inner(forward($0, DoubleTensor(weight)), gradient)
      }
        < tolerance)
    #expect(
      centralError(of: "transposed convolution, by weight", byWeight, at: weight) {
        inner(forward(DoubleTensor(input), $0), gradient)
      }
        < tolerance)
  }

  @Test("a linear layer's gradients", arguments: [(1, 1, 1), (3, 5, 4), (7, 2, 9)])
  func linear(_ r: Int, _ i: Int, _ o: Int) {
    var noise = Noise(UInt64(70 + r))
    let (input, weight) = (noise.tensor([r, i]), noise.tensor([o, i]))
    let gradient = noise.tensor([r, o])
    let forward = DoubleReference.linear
    #expect(
      centralError(
        of: "linear, by input", plainLinearInputGradient(gradient, weight: weight), at: input
      ) {
        inner(forward($0, DoubleTensor(weight)), gradient)
      } < tolerance)
    #expect(
      centralError(
        of: "linear, by weight", plainLinearWeightGradient(input, outputGradient: gradient),
        at: weight
      ) {
        inner(forward(DoubleTensor(input), $0), gradient)
      } < tolerance)
  }

  @Test(
    "max pooling's gradient",
    arguments: [(3, 2, 1), (2, 2, 0), (1, 2, 0), (3, 1, 1), (2, 3, 1)])
  func maxPool(_ kernel: Int, _ stride: Int, _ padding: Int) {
    var noise = Noise(UInt64(80 + kernel))
    // Different cells differ by more than the step, so that no step changes which is the greatest.
    var order = Array(0..<2 * 7 * 6)
    for index in order.indices.reversed() { order.swapAt(index, noise.whole(0...index)) }
    let input = Tensor([1, 2, 7, 6], order.map { Float($0) / 16 - 3 })
    let forward = { (x: DoubleTensor) in
      DoubleReference.maxPool(x, kernel: kernel, stride: stride, padding: padding)
    }
    let gradient = noise.tensor(Shape(forward(DoubleTensor(input)).shape))
    let byInput = plainMaxPoolGradient(
      gradient, input: input, kernel: kernel, stride: stride, padding: padding)
    #expect(
      centralError(of: "max pool, by input", byInput, at: input) { inner(forward($0), gradient) }
        < tolerance)
  }

  @Test("nearest resize's gradient", arguments: [(10, 8), (5, 4), (7, 13), (3, 2), (1, 9)])
  func resizeNearest(_ rows: Int, _ columns: Int) {
    var noise = Noise(UInt64(90 + rows))
    let input = noise.tensor([2, 2, 5, 4])
    let gradient = noise.tensor([2, 2, rows, columns])
    let byInput = plainResizeNearestGradient(gradient, rows: 5, columns: 4)
    let error = centralError(of: "nearest resize, by input", byInput, at: input) {
      inner(DoubleReference.resizeNearest($0, rows: rows, columns: columns), gradient)
    }
    #expect(error < tolerance)
  }

  @Test("a finish's gradients: sums, what is added, scale, shift", arguments: [false, true])
  func finish(_ rectified: Bool) {
    let relu = rectified ? " with ReLU" : ""
    var noise = Noise(101)
    let shape: Shape = [2, 3, 4, 5]
    // Before the ReLU all are multiples of 1/16 and 1/32 more: none is within a step of 0.
    let sums = noise.wholes(shape, step: 0.125)
    let added = noise.wholes(shape, step: 0.125).map { $0 + 0.03125 }
    let scale = noise.wholes([3], step: 0.5).map { $0 == 0 ? 1.5 : $0 }
    let shift = noise.wholes([3], step: 0.125)
    let finish = Finish(scale: scale.values, shift: shift.values, rectified: rectified)
    let output = finish.applied(to: sums, adding: added)
    let gradient = noise.tensor(shape)
    let result = plainFinishGradient(gradient, output: output, finish: finish, sums: sums)
    func loss(
      _ x: DoubleTensor? = nil, scale s: DoubleTensor? = nil, shift b: DoubleTensor? = nil,
      adding a: DoubleTensor? = nil
    ) -> Double {
      inner(
        DoubleReference.finish(
          x ?? DoubleTensor(sums), scale: s ?? DoubleTensor(scale),
          shift: b ?? DoubleTensor(shift), adding: a ?? DoubleTensor(added),
          rectified: rectified), gradient)
    }
    #expect(
      centralError(of: "finish\(relu), by sums", result.sums, at: sums) { loss($0) } < tolerance)
    #expect(
      centralError(of: "finish\(relu), by added", result.added, at: added) { loss(adding: $0) }
        < tolerance)
    #expect(
      centralError(of: "finish\(relu), by scale", result.scale ?? sums, at: scale) {
        loss(scale: $0)
      } < tolerance)
    #expect(
      centralError(of: "finish\(relu), by shift", result.shift, at: shift) { loss(shift: $0) }
        < tolerance)
    #expect(output.values.contains(0) == rectified)
  }

  @Test("batch norm's gradients, in training and frozen")
  func batchNorm() {
    var noise = Noise(110)
    let input = noise.tensor([3, 2, 4, 3]).map { 3 * $0 + 2 }
    let (weight, bias) = (noise.tensor([2]), noise.tensor([2]))
    let gradient = noise.tensor(input.shape)
    let epsilon: Float = 0x1p-10
    func check(_ result: NormGradient, _ given: (mean: Tensor, variance: Tensor)?) {
      let name = given == nil ? "batch norm in training" : "frozen batch norm"
      func loss(
        _ x: DoubleTensor? = nil, weight w: DoubleTensor? = nil, bias b: DoubleTensor? = nil
      ) -> Double {
        inner(
          DoubleReference.batchNorm(
            x ?? DoubleTensor(input), weight: w ?? DoubleTensor(weight),
            bias: b ?? DoubleTensor(bias), mean: given.map { DoubleTensor($0.mean) },
            variance: given.map { DoubleTensor($0.variance) }, epsilon: Double(epsilon)),
          gradient)
      }
      // The mean and the deviation are rounded to 32 bits and then multiplied.
      #expect(
        centralError(of: "\(name), by input", result.input, at: input) { loss($0) } < 2 * tolerance)
      #expect(
        centralError(of: "\(name), by weight", result.weight, at: weight) { loss(weight: $0) } < 2
          * tolerance)
      #expect(
        centralError(of: "\(name), by bias", result.bias, at: bias) { loss(bias: $0) } < tolerance)
    }
    let statistics = plainBatchStatistics(input)
    check(
      plainBatchNormGradient(
        gradient, input: input, weight: weight, statistics: statistics, epsilon: epsilon), nil)
    let (mean, variance) = (noise.tensor([2]), noise.tensor([2]).map { $0 * $0 + 0.5 })
    check(
      plainFrozenBatchNormGradient(
        gradient, input: input, weight: weight, mean: mean, variance: variance,
        epsilon: epsilon), (mean, variance))
  }
}
