import Kernels
import Tensors
import Testing

/// Numbers that look random and are the same on every run.
struct Noise {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &+ 0x9E37_79B9_7F4A_7C15 }

  mutating func next() -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(state >> 40) * 0x1p-23 - 1
  }

  mutating func tensor(_ shape: Shape) -> Tensor {
    Tensor(shape, (0..<shape.count).map { _ in next() })
  }
}

/// The greatest absolute difference of two tensors of one shape; infinite where one is NaN or where
/// not both are the same infinity.
func greatestDifference(_ a: Tensor, _ b: Tensor) -> Float {
  #expect(a.shape == b.shape)
  return zip(a.values, b.values).reduce(0) { greatest, pair in
    guard pair.0 != pair.1 else { return greatest }
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(greatest, difference)
  }
}

struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  let n, i, h, w, o, k, stride, padding, groups: Int
  var testDescription: String {
    "\(n)x\(i)x\(h)x\(w) by \(o)x\(k)x\(k) stride \(stride) padding \(padding) groups \(groups)"
  }

  init(_ n: Int, _ i: Int, _ h: Int, _ w: Int, _ o: Int, _ k: Int, _ s: Int, _ p: Int, _ g: Int) {
    (self.n, self.i, self.h, self.w, self.o) = (n, i, h, w, o)
    (self.k, stride, padding, groups) = (k, s, p, g)
  }
}

@Suite struct ConvolutionTests {
  @Test(
    "the packed convolution computes the seven loops",
    arguments: [
      ConvolutionCase(1, 1, 1, 1, 1, 1, 1, 0, 1), .init(1, 3, 17, 23, 5, 7, 2, 3, 1),
      .init(2, 4, 9, 33, 13, 3, 1, 1, 1), .init(1, 8, 12, 40, 24, 1, 1, 0, 1),
      .init(3, 6, 7, 7, 12, 3, 1, 1, 3), .init(1, 16, 8, 8, 16, 3, 2, 1, 4),
      .init(2, 5, 10, 11, 7, 1, 2, 0, 1), .init(1, 2, 1, 1, 3, 3, 1, 1, 1),
      .init(1, 1, 2, 2, 1, 3, 1, 3, 1), .init(1, 300, 5, 6, 14, 1, 1, 0, 1),
      .init(1, 33, 14, 14, 30, 3, 1, 1, 1), .init(5, 3, 14, 14, 4, 3, 1, 1, 1),
    ])
  func packedAgainstPlain(_ c: ConvolutionCase) {
    var noise = Noise(UInt64(c.i * 31 + c.o))
    let input = noise.tensor([c.n, c.i, c.h, c.w])
    let weight = noise.tensor([c.o, c.i / c.groups, c.k, c.k])
    let finish = Finish(
      scale: noise.tensor([c.o]).values, shift: noise.tensor([c.o]).values, rectified: true)
    let plain = plainConvolution(
      input, weight: weight, finish: finish, stride: c.stride, padding: c.padding,
      groups: c.groups)
    let packed = packedConvolution(
      input, weight: PackedWeight(weight), finish: finish, stride: c.stride, padding: c.padding,
      groups: c.groups)
    // Another order of sums of up to 300 products of size 1 or less: some 300 half-ulps.
    #expect(greatestDifference(plain, packed) < 2e-5)
  }

  @Test(
    "Winograd's form computes the seven loops",
    arguments: [
      ConvolutionCase(1, 1, 1, 1, 1, 3, 1, 1, 1), .init(1, 3, 6, 6, 2, 3, 1, 0, 1),
      .init(1, 40, 9, 13, 20, 3, 1, 1, 1), .init(3, 16, 14, 14, 33, 3, 1, 1, 1),
      .init(2, 300, 7, 5, 14, 3, 1, 1, 1), .init(1, 5, 3, 3, 3, 3, 1, 0, 1),
      .init(1, 2, 4, 150, 3, 3, 1, 2, 1),
    ])
  func winogradAgainstPlain(_ c: ConvolutionCase) {
    var noise = Noise(UInt64(c.i * 37 + c.o))
    let input = noise.tensor([c.n, c.i, c.h, c.w])
    let weight = noise.tensor([c.o, c.i, 3, 3])
    let finish = Finish(
      scale: noise.tensor([c.o]).values, shift: noise.tensor([c.o]).values, rectified: true)
    let plain = plainConvolution(
      input, weight: weight, finish: finish, stride: 1, padding: c.padding)
    let fast = winogradConvolution(
      input, weight: PackedWeight(weight), finish: finish, padding: c.padding)
    // Values are multiplied by up to 8 twice before they cancel, which costs some 6 of 24 bits:
    // 1e-5 of the range.
    let range = plain.statistics.maximum - plain.statistics.minimum
    #expect(greatestDifference(plain, fast) <= 1e-5 * max(range, 1))
  }

  @Test("worked by hand: a 2x2 image under a 3x3 kernel of ones, padded by 1")
  func byHand() {
    let input = Tensor([1, 1, 2, 2], [1, 2, 3, 4])
    let ones = Tensor([1, 1, 3, 3], repeating: 1)
    // Every 3x3 window around a cell of a 2x2 image covers the whole image: 1 + 2 + 3 + 4.
    #expect(
      convolution(input, weight: PackedWeight(ones), padding: 1).values == [10, 10, 10, 10])
    let shifted = Finish(scale: [2], shift: [-21], rectified: false)
    #expect(
      convolution(input, weight: PackedWeight(ones), finish: shifted, padding: 1).values[0] == -1)
  }

  @Test("the number of threads does not change a bit")
  func threads() {
    var noise = Noise(5)
    let input = noise.tensor([1, 40, 33, 47])
    let weight = PackedWeight(noise.tensor([70, 40, 3, 3]))
    let before = Threads.count
    defer { Threads.count = before }
    Threads.count = 1
    let one = convolution(input, weight: weight, padding: 1)
    for count in [2, 3, 8] {
      Threads.count = count
      #expect(convolution(input, weight: weight, padding: 1) == one)
    }
  }

  @Test("linear computes its definition", arguments: [(1, 1, 1), (7, 300, 5), (40, 33, 81)])
  func linearAgainstPlain(_ r: Int, _ i: Int, _ o: Int) {
    var noise = Noise(9)
    let input = noise.tensor([r, i])
    let weight = noise.tensor([o, i])
    let finish = Finish(shift: noise.tensor([o]).values, rectified: true)
    let plain = plainLinear(input, weight: weight, finish: finish)
    #expect(
      greatestDifference(plain, linear(input, weight: PackedWeight(weight), finish: finish)) < 2e-5)
  }
}
