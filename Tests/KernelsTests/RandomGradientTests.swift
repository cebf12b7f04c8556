import Kernels
import Tensors
import Testing

// The fast forms of the gradients against the plain ones, over the shapes of
// `RandomShapeTests.swift` and more of the kind, with whole numbers, where every sum is exact, and
// with fractions.

/// By how much the gradient of a weight by a fast form may differ from the definition's, which is
/// exact: half of what `tolerance` allows for two forms of sums of that many terms.
private func onesided(_ terms: Int) -> Float { tolerance(terms: terms) / 2 }

// MARK: - Convolution

extension RandomConvolution {
  /// Positions of the output through all images: the terms of a weight's gradient.
  fileprivate var positions: Int { images * outRows * outColumns }

  fileprivate func gradients(
    exact: Bool
  ) -> (input: Tensor, weight: Tensor, gradient: Tensor) {
    var noise = Noise(seed &+ 20_000)
    return (
      noise.tensor([images, inputs, rows, columns], exact: exact),
      noise.tensor([outputs, inputs / groups, kernelRows, kernelColumns], exact: exact),
      noise.tensor([images, outputs, outRows, outColumns], exact: exact)
    )
  }
}

@Suite struct RandomConvolutionGradientTests {
  @Test(
    "the input's gradient is exact for whole numbers and nearly so for fractions",
    arguments: RandomConvolution.all)
  func input(_ c: RandomConvolution) {
    for exact in [true, false] {
      let (_, weight, gradient) = c.gradients(exact: exact)
      let plain = plainConvolutionInputGradient(
        gradient, weight: weight, rows: c.rows, columns: c.columns, stride: c.stride,
        padding: c.padding, groups: c.groups)
      let packed = PackedWeight(weight)
      let fast = packedConvolutionInputGradient(
        gradient, weight: packed, rows: c.rows, columns: c.columns, stride: c.stride,
        padding: c.padding, groups: c.groups)
      let terms = c.outputs / c.groups * c.kernelRows * c.kernelColumns
      #expect(greatestDifference(plain, fast) <= (exact ? 0 : tolerance(terms: terms)))
      // Winograd's form is exact only for weights that it can divide; it has a test of its own.
      let isWinograd = (c.kernelRows, c.kernelColumns, c.stride, c.groups) == (3, 3, 1, 1)
      guard !isWinograd else { continue }
      let chosen = convolutionInputGradient(
        gradient, weight: packed, rows: c.rows, columns: c.columns, stride: c.stride,
        padding: c.padding, groups: c.groups)
      #expect(greatestDifference(plain, chosen) <= (exact ? 0 : tolerance(terms: terms)))
    }
  }

  @Test(
    "the weight's gradient, packed, is exact for whole numbers and nearly so for fractions",
    arguments: RandomConvolution.all)
  func weight(_ c: RandomConvolution) {
    for exact in [true, false] {
      let (input, _, gradient) = c.gradients(exact: exact)
      let plain = plainConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: c.kernelRows,
        kernelColumns: c.kernelColumns, stride: c.stride, padding: c.padding, groups: c.groups)
      let fast = packedConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: c.kernelRows,
        kernelColumns: c.kernelColumns, stride: c.stride, padding: c.padding, groups: c.groups)
      #expect(greatestDifference(plain, fast) <= (exact ? 0 : onesided(c.positions)))
    }
  }

  @Test("NaN and infinity go where the definitions have them")
  func notFinite() {
    for c in RandomConvolution.all.prefix(40) where c.positions > 0 {
      var noise = Noise(c.seed &+ 21_000)
      var (input, weight, gradient) = c.gradients(exact: true)
      for value in [Float.nan, .infinity] {
        input.values[noise.whole(0...input.count - 1)] = value
        gradient.values[noise.whole(0...gradient.count - 1)] = value
      }
      #expect(
        haveSameNumbers(
          plainConvolutionInputGradient(
            gradient, weight: weight, rows: c.rows, columns: c.columns, stride: c.stride,
            padding: c.padding, groups: c.groups),
          packedConvolutionInputGradient(
            gradient, weight: PackedWeight(weight), rows: c.rows, columns: c.columns,
            stride: c.stride, padding: c.padding, groups: c.groups)), "\(c.testDescription)")
      weight = plainConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: c.kernelRows,
        kernelColumns: c.kernelColumns, stride: c.stride, padding: c.padding, groups: c.groups)
      let fast = packedConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: c.kernelRows,
        kernelColumns: c.kernelColumns, stride: c.stride, padding: c.padding, groups: c.groups)
      // The zeros around the image are multiplied by an infinite gradient here, which makes NaN.
      let agree = zip(weight.values, fast.values).allSatisfy {
        $0 == $1 || (!$0.isFinite && !$1.isFinite) || (c.padding > 0 && $1.isNaN)
      }
      #expect(agree && weight.shape == fast.shape, "\(c.testDescription)")
    }
  }

  @Test("lines and images beyond a band, parts of long lines, channels in groups")
  func large() {
    // n, i, h, w, o, k, stride, padding, groups: bands of one line and of many, lines of more than
    // 512.
    let cases = [
      ConvolutionCase(3, 20, 90, 70, 14, 3, 2, 1, 1), .init(1, 6, 3, 1100, 7, 1, 1, 0, 1),
      .init(2, 40, 50, 300, 48, 1, 1, 0, 2), .init(1, 3, 64, 700, 5, 7, 2, 3, 1),
      .init(130, 34, 14, 14, 9, 1, 1, 0, 1),
    ]
    for c in cases {
      var noise = Noise(UInt64(c.w + 22_000))
      let input = noise.wholes([c.n, c.i, c.h, c.w])
      let rows = convolvedExtent(c.h, kernel: c.k, stride: c.stride, padding: c.padding)
      let columns = convolvedExtent(c.w, kernel: c.k, stride: c.stride, padding: c.padding)
      let gradient = noise.wholes([c.n, c.o, rows, columns])
      let plain = plainConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: c.k, kernelColumns: c.k, stride: c.stride,
        padding: c.padding, groups: c.groups)
      let fast = packedConvolutionWeightGradient(
        input, outputGradient: gradient, kernelRows: c.k, kernelColumns: c.k, stride: c.stride,
        padding: c.padding, groups: c.groups)
      #expect(plain == fast, "\(c.testDescription)")
    }
  }

  @Test("a sum over sixty thousand positions keeps its digits")
  func digits() {
    // All terms are positive, so that a sum in 32 bits, term after term, would lose some four
    // digits: once it is 2^15, half an ulp is 2^-9 of each term's size.
    var noise = Noise(23_000)
    let input = noise.tensor([1, 16, 200, 300]).map { abs($0) + 0.5 }
    let gradient = noise.tensor([1, 16, 200, 300]).map { abs($0) + 0.5 }
    let plain = plainConvolutionWeightGradient(
      input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: 1)
    let packed = packedConvolutionWeightGradient(
      input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: 1)
    let winograd = winogradConvolutionWeightGradient(input, outputGradient: gradient, padding: 1)
    let size = plain.statistics.maximum
    // Some 230 parts of 256 positive terms: each addition rounds by 2^-25 of the sum on average in
    // either direction, the parts' own rounding is smaller.
    #expect(greatestDifference(plain, packed) < 4e-6 * size)
    // Products grow to 100 * 225 times the terms and are divided by up to 576 at the end.
    #expect(greatestDifference(plain, winograd) < 4e-5 * size)
    let bias = plainChannelSums(gradient)
    #expect(greatestDifference(bias, channelSums(gradient)) < 1e-6 * bias.statistics.maximum)
  }
}

// MARK: - Winograd

@Suite struct RandomWinogradGradientTests {
  @Test("the weight's gradient of whole numbers is exact", arguments: RandomWinograd.all)
  func exact(_ c: RandomWinograd) {
    // The last step divides by up to 24 along each axis, so output gradients that are multiples of
    // 24^2 = 576 keep whole numbers whole. Some eight of a plane's cells are not 0: this keeps the
    // sums at the 36 places, of which each cell makes up to 64 * 100 times itself, below 2^24 times
    // the power of two that divides them.
    var noise = Noise(c.seed &+ 24_000)
    var gradient = noise.wholes(
      [c.images, c.outputs, c.outRows, c.outColumns], most: 1, step: 576)
    let tiles = c.images * ((c.outRows + 3) / 4) * ((c.outColumns + 3) / 4)
    for index in gradient.values.indices where noise.whole(0...tiles) > 8 {
      gradient.values[index] = 0
    }
    let input = noise.wholes([c.images, c.inputs, c.rows, c.columns], most: 1)
    let plain = plainConvolutionWeightGradient(
      input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: c.padding)
    let fast = winogradConvolutionWeightGradient(
      input, outputGradient: gradient, padding: c.padding)
    #expect(plain == fast)
  }

  @Test("both gradients of fractions are nearly the definitions'", arguments: RandomWinograd.all)
  func fractions(_ c: RandomWinograd) {
    var noise = Noise(c.seed &+ 25_000)
    let input = noise.tensor([c.images, c.inputs, c.rows, c.columns])
    let weight = noise.tensor([c.outputs, c.inputs, 3, 3])
    let gradient = noise.tensor([c.images, c.outputs, c.outRows, c.outColumns])
    let plain = plainConvolutionWeightGradient(
      input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: c.padding)
    let fast = winogradConvolutionWeightGradient(
      input, outputGradient: gradient, padding: c.padding)
    let chosen = convolutionWeightGradient(
      input, outputGradient: gradient, kernelRows: 3, kernelColumns: 3, padding: c.padding)
    // As in the forward form, 1e-5 of the range.
    let range = plain.statistics.maximum - plain.statistics.minimum
    #expect(greatestDifference(plain, fast) <= 1e-5 * max(range, 1))
    #expect(greatestDifference(plain, chosen) <= 1e-5 * max(range, 1))
    let plainInput = plainConvolutionInputGradient(
      gradient, weight: weight, rows: c.rows, columns: c.columns, padding: c.padding)
    let fastInput = convolutionInputGradient(
      gradient, weight: PackedWeight(weight), rows: c.rows, columns: c.columns,
      padding: c.padding)
    let inputRange = plainInput.statistics.maximum - plainInput.statistics.minimum
    #expect(greatestDifference(plainInput, fastInput) <= 1e-5 * max(inputRange, 1))
  }
}

// MARK: - The other operations

@Suite struct RandomGradientTests {
  @Test("a transposed convolution's gradients", arguments: RandomTransposed.all)
  func transposedConvolution(_ c: RandomTransposed) {
    for exact in [true, false] {
      var noise = Noise(c.seed &+ 26_000)
      let input = noise.tensor([c.images, c.inputs, c.rows, c.columns], exact: exact)
      let weight = noise.tensor([c.inputs, c.outputs, c.kernel, c.kernel], exact: exact)
      let gradient = noise.tensor(
        [c.images, c.outputs, c.kernel * c.rows, c.kernel * c.columns], exact: exact)
      #expect(
        greatestDifference(
          plainTransposedConvolutionInputGradient(gradient, weight: weight),
          transposedConvolutionInputGradient(gradient, weight: PackedWeight(weight)))
          <= (exact ? 0 : tolerance(terms: c.outputs * c.kernel * c.kernel)))
      #expect(
        greatestDifference(
          plainTransposedConvolutionWeightGradient(
            input, outputGradient: gradient, kernel: c.kernel),
          transposedConvolutionWeightGradient(
            input, outputGradient: gradient, kernel: c.kernel))
          <= (exact ? 0 : onesided(c.images * c.rows * c.columns)))
    }
  }

  @Test("a linear layer's gradients", arguments: RandomLinear.all)
  func linear(_ c: RandomLinear) {
    for exact in [true, false] {
      var noise = Noise(c.seed &+ 27_000)
      let input = noise.tensor([c.rows, c.inputs], exact: exact)
      let weight = noise.tensor([c.outputs, c.inputs], exact: exact)
      let gradient = noise.tensor([c.rows, c.outputs], exact: exact)
      #expect(
        greatestDifference(
          plainLinearInputGradient(gradient, weight: weight),
          linearInputGradient(gradient, weight: PackedWeight(weight)))
          <= (exact ? 0 : tolerance(terms: c.outputs)))
      #expect(
        greatestDifference(
          plainLinearWeightGradient(input, outputGradient: gradient),
          linearWeightGradient(input, outputGradient: gradient))
          <= (exact ? 0 : onesided(c.rows)))
      #expect(
        greatestDifference(plainChannelSums(gradient), channelSums(gradient))
          <= (exact ? 0 : 1e-6 * Float(c.rows)))
    }
  }

  @Test("max pooling's gradient, with ties and with cells that are not finite", arguments: 0..<60)
  func maxPool(_ seed: Int) {
    var noise = Noise(UInt64(seed) &+ 28_000)
    let kernel = noise.one(of: [1, 2, 3, 3, 5])
    let stride = noise.whole(1...3)
    let padding = noise.whole(0...kernel / 2)
    let shape: Shape = [
      noise.whole(1...3), noise.whole(1...9), noise.one(of: [1, 2, noise.whole(3...20)]),
      noise.one(of: [1, 2, noise.whole(3...50)]),
    ]
    var input = noise.wholes(shape)
    let gradient = noise.tensor(
      plainMaxPool(input, kernel: kernel, stride: stride, padding: padding).shape)
    func agree() -> Bool {
      plainMaxPoolGradient(
        gradient, input: input, kernel: kernel, stride: stride, padding: padding)
        == maxPoolGradient(
          gradient, input: input, kernel: kernel, stride: stride, padding: padding)
    }
    #expect(agree(), "\(shape) kernel \(kernel) stride \(stride) padding \(padding)")
    for value in [Float.nan, .infinity, -.infinity, .nan, -.infinity] {
      input.values[noise.whole(0...input.count - 1)] = value
    }
    #expect(agree(), "not finite: \(shape) kernel \(kernel) stride \(stride) padding \(padding)")
  }

  @Test("nearest resize's gradient", arguments: 0..<40)
  func resizeNearest(_ seed: Int) {
    var noise = Noise(UInt64(seed) &+ 29_000)
    let (rows, columns) = (noise.whole(1...20), noise.whole(1...40))
    let shape: Shape = [
      noise.whole(1...3), noise.whole(1...6),
      noise.one(of: [1, rows, 2 * rows, noise.whole(1...50)]),
      noise.one(of: [1, columns, 2 * columns, noise.whole(1...90)]),
    ]
    let gradient = noise.wholes(shape)
    #expect(
      plainResizeNearestGradient(gradient, rows: rows, columns: columns)
        == resizeNearestGradient(gradient, rows: rows, columns: columns))
  }

  @Test("the gradients of finishes and norms", arguments: 0..<40)
  func finishes(_ seed: Int) {
    for exact in [true, false] {
      var noise = Noise(UInt64(seed) &+ 30_000)
      let channels = noise.whole(1...20)
      let shape: Shape = [
        noise.whole(1...4), channels, noise.whole(1...23), noise.one(of: [1, noise.whole(1...60)]),
      ]
      let terms = shape[0] * shape[2] * shape[3]
      let bound = exact ? 0 : onesided(terms)
      let (sums, added) = (noise.tensor(shape, exact: exact), noise.tensor(shape, exact: exact))
      let gradient = noise.tensor(shape, exact: exact)
      let finish = noise.finish(channels, exact: exact)
      let output = finish.applied(to: sums, adding: added)
      let plain = plainFinishGradient(gradient, output: output, finish: finish, sums: sums)
      let fast = finishGradient(gradient, output: output, finish: finish, sums: sums)
      #expect(plain.added == fast.added)
      #expect(plain.sums == fast.sums)
      #expect(greatestDifference(plain.shift, fast.shift) <= bound)
      #expect(
        greatestDifference(plain.scale ?? sums, fast.scale ?? output) <= bound)
      guard !exact else { continue }
      let (weight, bias) = (noise.tensor([channels]), noise.tensor([channels]))
      let epsilon: Float = 1e-3
      let (normed, statistics) = batchNorm(
        sums, weight: weight, bias: bias, epsilon: epsilon, adding: added, rectified: true)
      let (plainNormed, plainStatistics) = plainBatchNorm(
        sums, weight: weight, bias: bias, epsilon: epsilon)
      let rectified = Finish(rectified: true).applied(to: plainNormed, adding: added)
      #expect(greatestDifference(normed, rectified) <= 1e-4)
      for c in 0..<channels {
        #expect(abs(statistics.mean[c] - plainStatistics.mean[c]) <= 1e-6)
        #expect(abs(statistics.variance[c] - plainStatistics.variance[c]) <= 1e-6)
      }
      let (mean, variance) = (noise.tensor([channels]), noise.tensor([channels]).map { $0 * $0 })
      for (one, other) in [
        (
          plainBatchNormGradient(
            gradient, input: sums, weight: weight, statistics: plainStatistics,
            epsilon: epsilon),
          batchNormGradient(
            gradient, input: sums, weight: weight, statistics: plainStatistics,
            epsilon: epsilon)
        ),
        (
          plainFrozenBatchNormGradient(
            gradient, input: sums, weight: weight, mean: mean, variance: variance,
            epsilon: epsilon),
          frozenBatchNormGradient(
            gradient, input: sums, weight: weight, mean: mean, variance: variance,
            epsilon: epsilon)
        ),
      ] {
        for (a, b, terms) in [
          (one.input, other.input, 1), (one.weight, other.weight, terms),
          (one.bias, other.bias, terms),
        ] {
          // 1 / sqrt(1e-3) is the most that a deviation multiplies by.
          let size = max(a.values.map { abs($0) }.max() ?? 0, 1)
          #expect(greatestDifference(a, b) <= 32 * onesided(terms) + 1e-6 * size)
        }
      }
    }
  }
}
