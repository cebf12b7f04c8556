import Kernels
import Tensors
import Testing

@Suite struct GradientTests {
  @Test("worked by hand: a 2x2 image under a 3x3 kernel, padded by 1")
  func convolutionByHand() {
    let input = Tensor([1, 1, 2, 2], [1, 2, 3, 4])
    let weight = Tensor([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])
    // Only the first output has a gradient, 10. It read cell (h, w) by weight (h + 1, w + 1).
    let gradient = Tensor([1, 1, 2, 2], [10, 0, 0, 0])
    let byInput = Tensor([1, 1, 2, 2], [50, 60, 80, 90])
    let byWeight = Tensor([1, 1, 3, 3], [0, 0, 0, 0, 10, 20, 0, 30, 40])
    #expect(
      plainConvolutionInputGradient(gradient, weight: weight, rows: 2, columns: 2, padding: 1)
        == byInput)
    #expect(
      convolutionInputGradient(
        gradient, weight: PackedWeight(weight), rows: 2, columns: 2, padding: 1) == byInput)
    #expect(
      plainConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: 1) == byWeight)
    #expect(
      convolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: 1) == byWeight)
    #expect(channelSums(gradient).values == [10])
  }

  @Test("rows that a stride leaves over get no gradient")
  func leftOver() {
    // 5 rows under a 2x2 kernel of stride 3: positions 0 and 3, so row 2 is read by none.
    let weight = PackedWeight(Tensor([1, 1, 2, 2], repeating: 1))
    let gradient = Tensor([1, 1, 2, 1], [1, 2])
    let byInput = convolutionInputGradient(gradient, weight: weight, rows: 5, columns: 2, stride: 3)
    #expect(byInput.values == [1, 1, 1, 1, 0, 0, 2, 2, 2, 2])
  }

  @Test("worked by hand: a pool's gradient goes to the first of equal cells, to the last NaN")
  func maxPoolByHand() {
    // What torch.nn.functional.max_pool2d gives.
    func gradient(_ cells: [Float], kernel: Int, padding: Int = 0) -> [Float] {
      let input = Tensor([1, 1, 2, 2], cells)
      let shape = plainMaxPool(input, kernel: kernel, stride: 2, padding: padding).shape
      let ones = Tensor(shape, repeating: 1)
      let plain = plainMaxPoolGradient(
        ones, input: input, kernel: kernel, stride: 2, padding: padding)
      let fast = maxPoolGradient(
        ones, input: input, kernel: kernel, stride: 2, padding: padding)
      #expect(plain == fast)
      return fast.values
    }
    let (nan, low) = (Float.nan, -Float.infinity)
    #expect(gradient([1, 1, 1, 1], kernel: 2) == [1, 0, 0, 0])
    #expect(gradient([nan, 1, 2, nan], kernel: 2) == [0, 0, 0, 1])
    #expect(gradient([nan, 1, 2, 0], kernel: 2) == [1, 0, 0, 0])
    #expect(gradient([low, low, low, low], kernel: 2) == [1, 0, 0, 0])
    #expect(gradient([low, low, low, low], kernel: 3, padding: 1) == [1, 0, 0, 0])
  }

  @Test("a ReLU passes the gradient where its output is above 0, and where it is NaN")
  func relu() {
    let output = Tensor([6], [.nan, 0, -0.0, 1, 0, .infinity])
    let gradient = Tensor([6], [1, 2, 3, 4, 5, 6])
    // What torch gives for relu of NaN, 0, -0, 1, -1, infinity.
    #expect(reluGradient(gradient, output: output).values == [1, 0, 0, 4, 0, 6])
    #expect(plainReluGradient(gradient, output: output).values == [1, 0, 0, 4, 0, 6])
  }

  @Test("worked by hand: batch norm of two positions")
  func batchNormByHand() {
    let input = Tensor([1, 1, 1, 2], [1, 3])
    let (output, statistics) = batchNorm(
      input, weight: Tensor([1], [2]), bias: Tensor([1], [5]), epsilon: 0)
    #expect(output.values == [3, 7])
    #expect(statistics == BatchStatistics(count: 2, mean: [2], variance: [1]))
    #expect(statistics.unbiasedVariance == [2])
    // z = (-1, 1). With two positions the output hardly depends on the input: no gradient passes.
    let gradient = batchNormGradient(
      Tensor([1, 1, 1, 2], [4, 10]), input: input, weight: Tensor([1], [2]),
      statistics: statistics, epsilon: 0)
    #expect(gradient.input.values == [0, 0])
    #expect(gradient.weight.values == [6])
    #expect(gradient.bias.values == [14])
  }

  @Test("the number of threads does not change a bit", arguments: [0, 1, 2, 3])
  func threads(_ kind: Int) {
    var noise = Noise(31_000)
    // Winograd's form, the packed form with a stride, in groups, with few channels.
    let (n, i, o, k, stride, groups) = [
      (2, 20, 31, 3, 1, 1), (1, 40, 30, 3, 2, 1), (2, 24, 12, 3, 1, 3), (1, 3, 17, 7, 2, 1),
    ][kind]
    let input = noise.tensor([n, i, 45, 53])
    let weight = noise.tensor([o, i / groups, k, k])
    let output = convolution(
      input, weight: PackedWeight(weight), stride: stride, padding: k / 2, groups: groups)
    let gradient = noise.tensor(output.shape)
    let rows = noise.tensor([45, 53])
    let pooled = maxPool(input, kernel: k, stride: stride, padding: k / 2)
    func all() -> [Tensor] {
      let norm = batchNormGradient(
        gradient, input: output, weight: Tensor([o], repeating: 0.75),
        statistics: batchStatistics(output), epsilon: 1e-5)
      let finished = finishGradient(
        gradient, output: output, finish: Finish(scale: norm.bias.values, rectified: true),
        sums: output)
      return [
        convolutionInputGradient(
          gradient, weight: PackedWeight(weight), rows: 45, columns: 53, stride: stride,
          padding: k / 2, groups: groups),
        convolutionWeightGradient(
          input, outputGradient: gradient, kernelRows: k, kernelColumns: k, stride: stride,
          padding: k / 2, groups: groups),
        channelSums(gradient), norm.input, norm.weight, norm.bias, finished.sums,
        finished.scale ?? gradient, finished.shift,
        linearWeightGradient(rows, outputGradient: rows),
        linearInputGradient(rows, weight: PackedWeight(Tensor([53, 70], repeating: 0.3))),
        maxPoolGradient(pooled, input: input, kernel: k, stride: stride, padding: k / 2),
        resizeNearestGradient(gradient, rows: 9, columns: 11),
        transposedConvolutionWeightGradient(
          resizeNearest(gradient, rows: 7, columns: 5),
          outputGradient: resizeNearest(
            gradient, rows: 14, columns: 10), kernel: 2),
      ]
    }
    let before = Threads.count
    defer { Threads.count = before }
    Threads.count = 1
    let one = all()
    for count in 2...8 {
      Threads.count = count
      #expect(all() == one)
    }
  }

  @Test("without images, channels or positions, the gradients are empty or zero")
  func zeroExtents() {
    func zeros(_ shape: Shape) -> Tensor { Tensor(shape, repeating: 0) }
    for kernel in [1, 3] {
      for stride in [1, 2] {
        for (n, i, o, side) in [(0, 20, 20, 9), (2, 0, 20, 9), (2, 20, 0, 9), (2, 20, 20, 0)] {
          let out = convolvedExtent(
            side, kernel: kernel, stride: stride, padding: kernel / 2)
          let (input, weight) = (zeros([n, i, side, side]), zeros([o, i, kernel, kernel]))
          let gradient = Tensor([n, o, out, out], repeating: 1)
          #expect(
            convolutionInputGradient(
              gradient, weight: PackedWeight(weight), rows: side, columns: side,
              stride: stride, padding: kernel / 2) == input)
          #expect(
            plainConvolutionInputGradient(
              gradient, weight: weight, rows: side, columns: side, stride: stride,
              padding: kernel / 2) == input)
          #expect(
            convolutionWeightGradient(
              input, outputGradient: gradient, kernelRows: kernel, kernelColumns: kernel,
              stride: stride, padding: kernel / 2) == weight)
        }
      }
    }
    #expect(
      convolutionInputGradient(
        zeros([1, 2, 0, 0]), weight: PackedWeight(zeros([2, 3, 5, 5])), rows: 3, columns: 4)
        == zeros([1, 3, 3, 4]))
    #expect(
      convolutionWeightGradient(
        zeros([1, 3, 3, 4]), outputGradient: zeros([1, 2, 0, 0]), kernelRows: 5,
        kernelColumns: 5) == zeros([2, 3, 5, 5]))
    #expect(channelSums(zeros([0, 3, 4, 4])) == zeros([3]))
    #expect(channelSums(zeros([0, 3])) == zeros([3]))
    #expect(linearWeightGradient(zeros([0, 5]), outputGradient: zeros([0, 3])) == zeros([3, 5]))
    #expect(
      linearInputGradient(zeros([0, 3]), weight: PackedWeight(zeros([3, 5]))) == zeros([0, 5]))
    #expect(
      linearInputGradient(zeros([4, 0]), weight: PackedWeight(zeros([0, 5]))) == zeros([4, 5]))
    #expect(
      transposedConvolutionWeightGradient(
        zeros([0, 3, 2, 2]), outputGradient: zeros([0, 4, 4, 4]), kernel: 2)
        == zeros([3, 4, 2, 2]))
    #expect(
      transposedConvolutionInputGradient(
        zeros([0, 4, 4, 4]), weight: PackedWeight(zeros([3, 4, 2, 2]))) == zeros([0, 3, 2, 2]))
    #expect(
      maxPoolGradient(zeros([0, 3, 2, 2]), input: zeros([0, 3, 4, 4]), kernel: 2, stride: 2)
        == zeros([0, 3, 4, 4]))
    #expect(
      resizeNearestGradient(zeros([1, 2, 0, 0]), rows: 3, columns: 2) == zeros([1, 2, 3, 2]))
    let empty = zeros([0, 3, 4, 4])
    let statistics = batchStatistics(empty)
    #expect(statistics == BatchStatistics(count: 0, mean: [0, 0, 0], variance: [0, 0, 0]))
    let norm = batchNormGradient(
      empty, input: empty, weight: zeros([3]), statistics: statistics, epsilon: 1)
    #expect(norm == NormGradient(input: empty, weight: zeros([3]), bias: zeros([3])))
    #expect(
      finishGradient(empty, output: empty, finish: Finish(rectified: true), sums: empty)
        == FinishGradient(sums: empty, added: empty, scale: zeros([3]), shift: zeros([3])))
  }
}
