import Kernels
import Model
import Stage1Backbone
import Tensors
import Testing

/// A 1x1 convolution that multiplies every channel by a factor.
private func scaling(_ factor: Float, channels: Int, stride: Int = 1) -> Convolution {
  var weight = Tensor([channels, channels, 1, 1], repeating: 0)
  for channel in 0..<channels { weight[channel, channel, 0, 0] = factor }
  return Convolution(weight: weight, stride: stride)
}

@Suite struct ResidualBlockTests {
  @Test("a block adds its branch to its input, then rectifies")
  func identityShortcut() {
    // Branch: 2 x, rectified, then times -3: x = 1 gives -6, x = -1 gives 0.
    let block = ResidualBlock(
      name: "layer1.0", branch: [scaling(2, channels: 1), scaling(-3, channels: 1)], shortcut: nil)
    let input = Tensor([1, 1, 1, 2], [1, -1])
    // 1 - 6 = -5 and -1 + 0 = -1: both below 0.
    #expect(residualBlock(input, block).values == [0, 0])
    let other = ResidualBlock(
      name: "layer1.0", branch: [scaling(2, channels: 1), scaling(3, channels: 1)], shortcut: nil)
    // 1 + 6 = 7; -1 + 0 rectified.
    #expect(residualBlock(input, other).values == [7, 0])
  }

  @Test("a block that shrinks the map shrinks its shortcut too")
  func convolvedShortcut() {
    let block = ResidualBlock(
      name: "layer2.0", branch: [scaling(1, channels: 1, stride: 2), scaling(1, channels: 1)],
      shortcut: scaling(10, channels: 1, stride: 2))
    let input = Tensor([1, 1, 2, 2], [1, 2, 3, 4])
    // Cell (0, 0) alone remains: 1 + 10.
    #expect(residualBlock(input, block).values == [11])
  }
}

@Suite struct FeaturePyramidTests {
  /// C2 … C5 of constant values 1, 2, 3, 4 on grids of 13, 7, 4 and 2 cells, with identities for
  /// all convolutions.
  private func pyramid() -> [Tensor] {
    let identity = scaling(1, channels: 1)
    let backbone = Backbone(
      stem: identity, layers: [], inner: [identity, identity, identity, identity],
      outer: [identity, identity, identity, identity])
    let levels = zip([13, 7, 4, 2], [1, 2, 3, 4]).map { extent, value in
      Tensor([1, 1, extent, extent], repeating: Float(value))
    }
    return featurePyramid(levels, backbone)
  }

  @Test("every level is the sum of its own layer and all above: 4, 3 + 4, 2 + 7, 1 + 9")
  func sums() {
    #expect(pyramid().map { $0.values[0] } == [10, 9, 7, 4, 4])
    #expect(pyramid().allSatisfy { $0.statistics.minimum == $0.statistics.maximum })
  }

  @Test("levels keep their layer's grid, odd or even, and P6 has every second cell of P5")
  func grids() {
    #expect(pyramid().map { $0.shape[2] } == [13, 7, 4, 2, 1])
  }
}
