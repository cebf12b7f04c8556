import Model
import Stage0Input
import Tensors
import Testing

@Suite struct InputTransformTests {
  @Test(
    "the shorter side goes to 800 unless the longer would pass 1333",
    arguments: [
      // 800 / 480 = 1.667; 1.667 * 640 = 1066.7, cut to 1066.
      (480, 640, 800, 1066),
      // 800 / 200 = 4 would make 4000 of 1000: the longer side decides, 1333 / 1000.
      (200, 1000, 266, 1333),
      (800, 1333, 800, 1333),
      (1, 1, 800, 800),
    ])
  func sides(_ height: Int, _ width: Int, _ resizedHeight: Int, _ resizedWidth: Int) {
    let rule = ModelSettings.Resize.sides(shorter: 800, longer: 1333)
    #expect(
      rule.size(for: ImageSize(height: height, width: width))
        == ImageSize(height: resizedHeight, width: resizedWidth))
  }

  @Test("a factor multiplies both sides")
  func factor() {
    #expect(
      ModelSettings.Resize.factor(2).size(for: ImageSize(height: 9, width: 7))
        == ImageSize(height: 18, width: 14))
  }

  @Test(
    "a rule survives being written down",
    arguments: [
      ModelSettings.Resize.sides(shorter: 800, longer: 1333), .factor(2), .factor(0.75),
    ])
  func description(_ rule: ModelSettings.Resize) {
    #expect(ModelSettings.Resize(rule.description) == rule)
  }

  @Test("normalising by hand: (0.5 - 0.25) / 0.5 = 0.5 in each channel's own terms")
  func normalising() {
    let image = Tensor([3, 1, 2], [0.5, 0.25, 0.5, 1, 0, 1])
    let result = normalised(image, mean: [0.25, 0.5, 0], standardDeviation: [0.5, 0.25, 2])
    #expect(result.values == [0.5, 0, 0, 2, 0, 0.5])
  }

  @Test("padding adds zeros on the right and below, and nothing to a size that fits")
  func padding() {
    let image = Tensor([1, 2, 3], [1, 2, 3, 4, 5, 6])
    let result = padded(image, toMultipleOf: 4)
    #expect(result.shape == [1, 1, 4, 4])
    #expect(
      result.values == [1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    #expect(padded(Tensor([3, 32, 64], repeating: 1), toMultipleOf: 32).shape == [1, 3, 32, 64])
  }

  @Test("channels are exchanged, and exchanged back")
  func channelOrder() {
    let image = Tensor([3, 1, 2], [1, 2, 3, 4, 5, 6])
    #expect(ChannelOrder.rgb.exchanged(image) == image)
    let exchanged = ChannelOrder.bgr.exchanged(image)
    #expect(exchanged.values == [5, 6, 3, 4, 1, 2])
    #expect(ChannelOrder.bgr.exchanged(exchanged) == image)
    #expect(ChannelOrder.bgr.names == ["blue", "green", "red"])
  }
}
