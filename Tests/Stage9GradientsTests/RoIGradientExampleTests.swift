import Stage4RoI
import Stage9Gradients
import Tensors
import Testing

@Suite struct RoIGradientExampleTests {
  /// Four levels, of which boxes as small as these are read from the first: 10 x 10 cells of stride
  /// 1 that grow to the right and downwards.
  private let pyramid = RoIPyramid(
    levels: [10, 5, 2, 1].map { side in
      Tensor([1, 2, side, side], (0..<2 * side * side).map { Float($0) })
    }, strides: [1, 2, 5, 10])
  private let rois = [
    RoI(image: 0, box: Box(0, 0, 9, 9)), RoI(image: 0, box: Box(2, 2, 7, 7)),
  ]
  /// Of two RoIs, two channels and 2 x 2 bins; the second RoI's second channel is the largest.
  private let gradient = Tensor(
    [2, 2, 2, 2], [9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, -2, 3, 4])

  @Test("RoIPool passes a bin's gradient to its greatest cell, the others divide it")
  func operators() {
    let example = RoIGradientExample(
      1, of: rois, gradient: gradient, pyramid, operator: .torchvision)
    #expect(example.level == 2 && example.stride == 1 && example.channel == 1)
    #expect(example.bins.values == [1, -2, 3, 4])
    #expect(example.operators.map(\.operator.name) == ["RoIPool", "RoIWarp", "RoIAlign"])
    // RoIPool's bins are the cells 2 to 4 and 5 to 7: their greatest are the last.
    let pool = example.operators[0].gradient
    var expected = Tensor(pool.shape, repeating: 0)
    let columns = pool.shape[1]
    for (row, column, value) in [(4, 4, 1), (4, 7, -2), (7, 4, 3), (7, 7, 4)] as [(Int, Int, Float)]
    {
      expected.values[(row - example.origin.y) * columns + column - example.origin.x] = value
    }
    #expect(pool == expected)
    for passed in example.operators.dropFirst() {
      let values = passed.gradient.values
      #expect(abs(values.reduce(0, +) - 6) < 1e-5, "\(passed.operator.name)")
      #expect(values.count { $0 != 0 } > 16, "\(passed.operator.name)")
    }
  }

  @Test("the RoI that is shown is positive and inside where there is one")
  func choice() {
    func chosen(_ positive: [Int], _ side: Float) -> Int? {
      RoIGradientExample.choice(
        of: rois, gradient: gradient, positive: positive, width: side, height: side)
    }
    #expect(chosen([0, 1], 10) == 1)
    #expect(chosen([0], 10) == 0)
    #expect(chosen([], 10) == 1)
    #expect(chosen([], 5) == 0)
    #expect(
      RoIGradientExample.choice(
        of: [], gradient: Tensor([0, 2, 2, 2], []), positive: [], width: 9, height: 9) == nil)
  }
}
