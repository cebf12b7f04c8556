import Kernels
import Tensors
import TestFixtures
import Testing

/// What kernels return for inputs with an extent of 0: sums without terms are 0.
@Suite struct ZeroExtentTests {
  /// Leaves NaN in memory that the next tensors of a similar size are likely to get.
  private func leaveNaN(_ count: Int) {
    for _ in 0..<4 { _ = Tensor([max(1, count)], repeating: .nan).values.last }
  }

  private let finish = Finish(shift: (0..<20).map { Float($0) - 3 }, rectified: true)

  @Test(
    "a convolution without images, channels or cells is the finish of 0",
    arguments: [(0, 20, 20, 9), (2, 0, 20, 9), (2, 20, 0, 9), (1, 20, 20, 0)])
  func convolutions(images: Int, inputs: Int, outputs: Int, side: Int) {
    let input = Tensor([images, inputs, side, side], repeating: 1)
    for kernel in [1, 3] {
      for (stride, padding) in [(1, kernel / 2), (2, kernel / 2), (1, kernel)] {
        let weight = PackedWeight(Tensor([outputs, inputs, kernel, kernel], repeating: 1))
        let out = convolvedExtent(side, kernel: kernel, stride: stride, padding: padding)
        let expected = Tensor(
          [images, outputs, out, out],
          (0..<images).flatMap { _ in
            (0..<outputs).flatMap { o in
              [Float](repeating: max(0, Float(o) - 3), count: out * out)
            }
          })
        leaveNaN(expected.count)
        #expect(
          plainConvolution(
            input, weight: weight.tensor, finish: finish, stride: stride, padding: padding)
            == expected)
        #expect(
          convolution(input, weight: weight, finish: finish, stride: stride, padding: padding)
            == expected)
        guard kernel == 3, stride == 1 else { continue }
        #expect(
          winogradConvolution(input, weight: weight, finish: finish, padding: padding) == expected)
      }
    }
  }

  @Test("linear layers without rows or inputs, transposed ones without channels or cells")
  func products() {
    let shifts = (0..<5).map { max(0, Float($0) - 3) }
    for rows in [0, 3] {
      leaveNaN(5 * rows)
      let output = linear(
        Tensor([rows, 0], []), weight: PackedWeight(Tensor([5, 0], [])), finish: finish)
      #expect(output == Tensor([rows, 5], (0..<rows).flatMap { _ in shifts }))
    }
    #expect(
      linear(Tensor([3, 4], repeating: 1), weight: PackedWeight(Tensor([0, 4], [])))
        == Tensor([3, 0], []))
    leaveNaN(5 * 16)
    let blocks = transposedConvolution(
      Tensor([1, 0, 2, 2], []), weight: PackedWeight(Tensor([0, 5, 2, 2], [])), finish: finish)
    let expected = shifts.flatMap { [Float](repeating: $0, count: 16) }
    #expect(blocks == Tensor([1, 5, 4, 4], expected))
    #expect(
      transposedConvolution(
        Tensor([1, 3, 0, 2], []), weight: PackedWeight(Tensor([3, 5, 2, 2], repeating: 1)))
        == Tensor([1, 5, 0, 4], []))
    leaveNaN(12)
    #expect(
      linearInputGradient(Tensor([4, 0], []), weight: PackedWeight(Tensor([0, 3], [])))
        == Tensor([4, 3], repeating: 0))
    leaveNaN(12)
    #expect(
      linearWeightGradient(Tensor([0, 3], []), outputGradient: Tensor([0, 4], []))
        == Tensor([4, 3], repeating: 0))
  }

  @Test("a window without cells has minus infinity as its maximum, and hands no gradient on")
  func pooling() {
    let input = Tensor([2, 3, 0, 0], [])
    let expected = Tensor([2, 3, 1, 1], repeating: -.infinity)
    #expect(plainMaxPool(input, kernel: 2, stride: 1, padding: 1) == expected)
    leaveNaN(expected.count)
    #expect(maxPool(input, kernel: 2, stride: 1, padding: 1) == expected)
    #expect(
      maxPool(Tensor([0, 3, 4, 4], []), kernel: 2, stride: 2) == Tensor([0, 3, 2, 2], []))
    #expect(
      maxPoolGradient(
        Tensor([2, 3, 1, 1], repeating: 1), input: input, kernel: 2, stride: 1, padding: 1)
        == input)
    #expect(
      plainMaxPoolGradient(
        Tensor([2, 3, 1, 1], repeating: 1), input: input, kernel: 2, stride: 1, padding: 1)
        == input)
  }

  @Test("a map without cells, resized, is 0")
  func resizing() {
    leaveNaN(2 * 3 * 5)
    #expect(
      resizeNearest(Tensor([1, 2, 0, 4], []), rows: 3, columns: 5)
        == Tensor([1, 2, 3, 5], repeating: 0))
    leaveNaN(2 * 3 * 5)
    #expect(
      resizeBilinear(Tensor([2, 0, 4], []), rows: 3, columns: 5)
        == Tensor([2, 3, 5], repeating: 0))
    #expect(
      resizeNearest(Tensor([1, 2, 3, 4], repeating: 1), rows: 0, columns: 5)
        == Tensor([1, 2, 0, 5], []))
    #expect(
      resizeBilinear(Tensor([0, 3, 4], []), rows: 3, columns: 5) == Tensor([0, 3, 5], []))
  }

  @Test("a helper that takes the greatest difference does not skip NaN")
  func greatest() {
    let zeros = Tensor([3], repeating: 0)
    #expect(greatestDifference(zeros, Tensor([3], [0, .nan, 1])) == .infinity)
    #expect(greatestDifference(Tensor([3], [.nan, 0, 0]), zeros) == .infinity)
    #expect(greatestDifference(zeros, Tensor([3], [0, .infinity, 1])) == .infinity)
    #expect(greatestDifference(Tensor([1], [.infinity]), Tensor([1], [.infinity])) == 0)
    #expect(greatestDifference(zeros, Tensor([3], [0, -2, 1])) == 2)
    let gradient = Tensor([1], [.nan])
    #expect(centralError(gradient, at: Tensor([1], [1])) { $0[0] } == .infinity)
  }
}
