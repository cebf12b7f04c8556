import Kernels
import Tensors
import Testing

// The fast forms against the plain ones, over shapes from a seeded generator.
//
// Most cases are run twice. With small whole numbers every product and every sum is exact, so both
// forms must give the same numbers whatever the order of the sums: this finds any term that is
// lost, taken twice or taken from the wrong place. With fractions the forms round differently,
// within a tolerance that grows with the number of terms.

extension Noise {
  /// A whole number of a range.
  mutating func whole(_ range: ClosedRange<Int>) -> Int {
    min(range.upperBound, range.lowerBound + Int((next() + 1) / 2 * Float(range.count)))
  }

  /// One of some values.
  mutating func one<Value>(of values: [Value]) -> Value {
    values[whole(0...values.count - 1)]
  }

  /// A tensor of whole numbers from -most to most, each times `step`.
  mutating func wholes(_ shape: Shape, most: Int = 3, step: Float = 1) -> Tensor {
    Tensor(shape, (0..<shape.count).map { _ in step * Float(whole(-most...most)) })
  }

  /// A tensor of whole numbers or of fractions.
  mutating func tensor(_ shape: Shape, exact: Bool) -> Tensor {
    exact ? wholes(shape) : tensor(shape)
  }

  /// A finish with or without each of its parts.
  mutating func finish(_ channels: Int, exact: Bool) -> Finish {
    Finish(
      scale: whole(0...1) == 0 ? nil : tensor([channels], exact: exact).values,
      shift: whole(0...1) == 0 ? nil : tensor([channels], exact: exact).values,
      rectified: whole(0...1) == 0)
  }
}

/// By how much two sums of products of numbers from -1 to 1 may differ that are made in different
/// orders.
///
/// The partial sums of T such products are about as large as a random walk, sqrt(t) / 3 after t
/// steps, and each is rounded by up to 2^-24 of itself; these errors are a random walk too, of
/// standard deviation 2^-24 T / (3 sqrt 2). Five of them for each form are 2.4 T 2^-24; the scale,
/// the shift and the residual add a few roundings of numbers of that size.
func tolerance(terms: Int) -> Float {
  (2.4 * Float(terms) + 16) * 0x1p-24
}

/// Whether two tensors have the same numbers in the same places, NaN counting as one number.
func haveSameNumbers(_ a: Tensor, _ b: Tensor) -> Bool {
  a.shape == b.shape && zip(a.values, b.values).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
}

// MARK: - Convolution

struct RandomConvolution: Sendable, CustomTestStringConvertible {
  let seed: UInt64
  let images, inputs, rows, columns, outputs: Int
  let kernelRows, kernelColumns, stride, padding, groups: Int
  let adds: Bool

  /// Products in each sum.
  var terms: Int { inputs / groups * kernelRows * kernelColumns }
  var outRows: Int {
    convolvedExtent(rows, kernel: kernelRows, stride: stride, padding: padding)
  }
  var outColumns: Int {
    convolvedExtent(columns, kernel: kernelColumns, stride: stride, padding: padding)
  }

  var testDescription: String {
    "\(images)x\(inputs)x\(rows)x\(columns) by \(outputs)x\(kernelRows)x\(kernelColumns) "
      + "stride \(stride) padding \(padding) groups \(groups)\(adds ? " adding" : "")"
  }

  init(_ seed: UInt64) {
    var noise = Noise(seed)
    self.seed = seed
    groups = noise.one(of: [1, 1, 1, 2, 3, 4])
    (kernelRows, kernelColumns) = noise.one(of: [
      (1, 1), (1, 3), (3, 1), (3, 3), (3, 3), (5, 5), (7, 7), (2, 4),
    ])
    stride = noise.whole(1...3)
    padding = noise.one(of: [0, 0, 1, 1, 2, 3, 9])
    images = noise.whole(1...3)
    rows = noise.one(of: [1, 2, 3, noise.whole(4...13), noise.whole(4...29)])
    columns = noise.one(of: [1, 2, 5, noise.whole(4...31), noise.whole(30...70)])
    // Every third case sums more terms than one block of depth holds, some more than two hold.
    let perGroup =
      seed % 3 == 0
      ? noise.whole(257...700) / (kernelRows * kernelColumns) + 1
      : noise.one(of: [1, 2, noise.whole(1...17)])
    inputs = groups * perGroup
    // Every number of rows that the last of the tiles can have.
    outputs = groups * (1 + Int(seed % 26))
    adds = noise.whole(0...1) == 0
  }

  /// Cases of which the seven loops take at most some hundredths of a second.
  static let all: [RandomConvolution] = (0..<400).lazy.map { RandomConvolution($0) }
    .filter { $0.images * $0.outputs * $0.outRows * $0.outColumns * $0.terms <= 4_000_000 }
    .prefix(120).map { $0 }
}

@Suite struct RandomConvolutionTests {
  private func compare(_ c: RandomConvolution, exact: Bool) -> (plain: Tensor, packed: Tensor) {
    var noise = Noise(c.seed &+ 1000)
    let input = noise.tensor([c.images, c.inputs, c.rows, c.columns], exact: exact)
    let weight = noise.tensor(
      [c.outputs, c.inputs / c.groups, c.kernelRows, c.kernelColumns], exact: exact)
    let finish = noise.finish(c.outputs, exact: exact)
    let added =
      c.adds
      ? noise.tensor([c.images, c.outputs, c.outRows, c.outColumns], exact: exact) : nil
    return (
      plainConvolution(
        input, weight: weight, finish: finish, adding: added, stride: c.stride,
        padding: c.padding, groups: c.groups),
      packedConvolution(
        input, weight: PackedWeight(weight), finish: finish, adding: added, stride: c.stride,
        padding: c.padding, groups: c.groups)
    )
  }

  @Test("the packed convolution of whole numbers is exact", arguments: RandomConvolution.all)
  func exact(_ c: RandomConvolution) {
    // 9 * 3 * 700 + 6 is far below 2^24.
    let (plain, packed) = compare(c, exact: true)
    #expect(plain == packed)
  }

  @Test("the packed convolution computes the seven loops", arguments: RandomConvolution.all)
  func fractions(_ c: RandomConvolution) {
    let (plain, packed) = compare(c, exact: false)
    #expect(greatestDifference(plain, packed) <= tolerance(terms: c.terms))
  }

  @Test("the cases hold what they are meant to hold")
  func coverage() {
    let all = RandomConvolution.all
    #expect(all.count == 120)
    func hold(_ least: Int, _ property: (RandomConvolution) -> Bool) -> Bool {
      all.count(where: property) >= least
    }
    for stride in 1...3 { #expect(hold(20) { $0.stride == stride && $0.outColumns > 1 }) }
    for kernel in [(1, 1), (1, 3), (3, 1), (3, 3), (5, 5), (7, 7), (2, 4)] {
      #expect(hold(5) { ($0.kernelRows, $0.kernelColumns) == kernel && $0.outColumns > 0 })
    }
    #expect(hold(10) { $0.groups > 1 })
    #expect(hold(10) { $0.inputs == $0.groups })
    #expect(hold(20) { $0.terms > 256 })
    #expect(hold(5) { $0.terms > 512 })
    #expect(hold(10) { $0.padding > max($0.rows, $0.columns) || $0.padding > $0.kernelColumns })
    #expect(hold(2) { $0.rows == 1 && $0.columns == 1 })
    #expect(hold(2) { $0.outRows * $0.outColumns == 0 })
    #expect(hold(20) { $0.images > 1 && ($0.outRows * $0.outColumns) % 32 != 0 })
    for rest in 0..<12 { #expect(hold(3) { $0.outputs / $0.groups % 12 == rest }) }
    #expect(hold(20, \.adds) && hold(20) { !$0.adds })
  }

  @Test("NaN and infinity go where the seven loops have them", arguments: [false, true])
  func notFinite(_ rectified: Bool) {
    for c in RandomConvolution.all.prefix(40) {
      var noise = Noise(c.seed &+ 2000)
      var input = noise.wholes([c.images, c.inputs, c.rows, c.columns])
      for value in [Float.nan, .infinity, -.infinity] {
        input.values[noise.whole(0...input.count - 1)] = value
      }
      let weight = noise.wholes([c.outputs, c.inputs / c.groups, c.kernelRows, c.kernelColumns])
      let finish = Finish(shift: noise.wholes([c.outputs]).values, rectified: rectified)
      var added = noise.wholes([c.images, c.outputs, c.outRows, c.outColumns])
      if added.count > 0 { added.values[noise.whole(0...added.count - 1)] = .nan }
      let plain = plainConvolution(
        input, weight: weight, finish: finish, adding: added, stride: c.stride,
        padding: c.padding, groups: c.groups)
      let packed = packedConvolution(
        input, weight: PackedWeight(weight), finish: finish, adding: added, stride: c.stride,
        padding: c.padding, groups: c.groups)
      #expect(haveSameNumbers(plain, packed), "\(c.testDescription)")
      #expect(added.count == 0 || plain.values.contains { $0.isNaN }, "\(c.testDescription)")
    }
  }
}

// MARK: - Winograd

struct RandomWinograd: Sendable, CustomTestStringConvertible {
  let seed: UInt64
  let images, inputs, rows, columns, outputs, padding: Int
  let adds: Bool

  var outRows: Int { rows + 2 * padding - 2 }
  var outColumns: Int { columns + 2 * padding - 2 }

  var testDescription: String {
    "\(images)x\(inputs)x\(rows)x\(columns) by \(outputs) padding \(padding)"
      + (adds ? " adding" : "")
  }

  init(_ seed: UInt64) {
    var noise = Noise(seed &+ 5000)
    self.seed = seed
    images = noise.whole(1...3)
    inputs = seed % 4 == 0 ? noise.whole(257...530) : noise.one(of: [1, 3, noise.whole(1...40)])
    outputs = 1 + Int(seed % 27)
    padding = noise.one(of: [0, 1, 1, 2, 3, 5])
    let least = padding == 0 ? 3 : 1
    rows = noise.one(of: [least, 4, noise.whole(least...9), noise.whole(8...22)])
    columns = noise.one(of: [
      least, 5, noise.whole(least...18), noise.whole(18...70), noise.whole(120...150),
    ])
    adds = noise.whole(0...1) == 0
  }

  static let all: [RandomWinograd] = (0..<400).lazy.map { RandomWinograd($0) }
    .filter { 9 * $0.images * $0.inputs * $0.outputs * $0.outRows * $0.outColumns <= 20_000_000 }
    .prefix(60).map { $0 }
}

@Suite struct RandomWinogradTests {
  private func compare(
    _ c: RandomWinograd, input: Tensor, weight: Tensor, exact: Bool, noise: inout Noise
  ) -> (plain: Tensor, fast: Tensor, range: Float) {
    let finish = noise.finish(c.outputs, exact: exact)
    let added =
      c.adds
      ? noise.tensor([c.images, c.outputs, c.outRows, c.outColumns], exact: exact) : nil
    // The error comes with the sums, so it is measured by their range, before a ReLU cuts it.
    var unrectified = finish
    unrectified.rectified = false
    let sums = plainConvolution(input, weight: weight, finish: unrectified, padding: c.padding)
    return (
      plainConvolution(
        input, weight: weight, finish: finish, adding: added, padding: c.padding),
      winogradConvolution(
        input, weight: PackedWeight(weight), finish: finish, adding: added, padding: c.padding),
      sums.statistics.maximum - sums.statistics.minimum
    )
  }

  @Test("Winograd's form of whole numbers is exact", arguments: RandomWinograd.all)
  func exact(_ c: RandomWinograd) {
    // The kernels' transform divides by up to 24 along each axis: weights that are multiples of
    // 24^2 = 576 keep whole numbers whole. With weights of 576 and inputs of 1 at most, the
    // greatest sum along an axis is the last row of `At`, 120 + 120 + 8 * 42 + 8 * 42 + 240 = 1152
    // (at 1, -1, 2, -2 and infinity, the transformed kernel is at most 12, 12, 7, 7 and 24, the
    // transformed input 10, 10, 6, 6 and 10). Over both axes and twelve channels:
    // 12 * 1152^2 < 2^24, so no sum is rounded. In deeper cases the other channels are 0.
    var noise = Noise(c.seed &+ 6000)
    var input = noise.wholes([c.images, c.inputs, c.rows, c.columns], most: 1)
    let apart = (c.inputs + 11) / 12
    let first = c.inputs - 1 - (c.inputs - 1) / apart * apart
    let plane = c.rows * c.columns
    for n in 0..<c.images {
      for channel in 0..<c.inputs where channel % apart != first {
        let start = (n * c.inputs + channel) * plane
        for cell in start..<start + plane { input.values[cell] = 0 }
      }
    }
    let weight = noise.wholes([c.outputs, c.inputs, 3, 3], most: 1, step: 576)
    let (plain, fast, _) = compare(c, input: input, weight: weight, exact: true, noise: &noise)
    #expect(plain == fast)
  }

  @Test("Winograd's form computes the seven loops", arguments: RandomWinograd.all)
  func fractions(_ c: RandomWinograd) {
    var noise = Noise(c.seed &+ 7000)
    let input = noise.tensor([c.images, c.inputs, c.rows, c.columns])
    let weight = noise.tensor([c.outputs, c.inputs, 3, 3])
    let (plain, fast, range) = compare(
      c, input: input, weight: weight, exact: false, noise: &noise)
    // Values are multiplied by up to 8 twice before they cancel, which costs some 6 of 24 bits:
    // 1e-5 of the range.
    #expect(greatestDifference(plain, fast) <= 1e-5 * max(range, 1))
  }

  @Test("the cases hold what they are meant to hold")
  func coverage() {
    let all = RandomWinograd.all
    #expect(all.count == 60)
    #expect(all.count { $0.inputs > 256 } >= 5)
    #expect(all.count { $0.images > 1 } >= 20)
    #expect(all.count { $0.outColumns > 128 } >= 5)
    #expect(all.count { $0.outColumns % 4 != 0 } >= 20)
    for rest in 0..<12 { #expect(all.count { $0.outputs % 12 == rest } >= 2) }
    #expect(all.count { $0.padding > $0.rows } >= 3)
    #expect(all.count { $0.inputs == 1 } >= 3)
  }

  @Test("a cell that is not finite spoils the blocks that read it, and nothing else")
  func notFinite() {
    var noise = Noise(77)
    let clean = noise.tensor([1, 16, 14, 27])
    let weight = noise.tensor([20, 16, 3, 3])
    let packed = PackedWeight(weight)
    let expected = winogradConvolution(clean, weight: packed, padding: 1)
    for value in [Float.nan, .infinity, -.infinity] {
      var input = clean
      let (row, column) = (noise.whole(0...13), noise.whole(0...26))
      input[0, 7, row, column] = value
      let plain = plainConvolution(input, weight: weight, padding: 1)
      let fast = winogradConvolution(input, weight: packed, padding: 1)
      let rectified = winogradConvolution(
        input, weight: packed, finish: Finish(rectified: true), padding: 1)
      // With padding 1, block b reads the rows 4 b - 1 … 4 b + 4.
      func reads(_ block: Int, _ cell: Int) -> Bool { (4 * block - 1...4 * block + 4) ~= cell }
      for o in 0..<20 {
        for y in 0..<14 {
          for x in 0..<27 {
            let result = fast[0, o, y, x]
            if !plain[0, o, y, x].isFinite { #expect(!result.isFinite) }
            if !(reads(y / 4, row) && reads(x / 4, column)) {
              #expect(result == expected[0, o, y, x])
            }
            #expect(rectified[0, o, y, x].isNaN == result.isNaN)
          }
        }
      }
    }
  }
}

// MARK: - Transposed convolution, linear layers, pooling

struct RandomTransposed: Sendable, CustomTestStringConvertible {
  let seed: UInt64
  let images, inputs, rows, columns, outputs, kernel: Int

  var testDescription: String {
    "\(images)x\(inputs)x\(rows)x\(columns) by \(outputs)x\(kernel)x\(kernel)"
  }

  init(_ seed: UInt64) {
    var noise = Noise(seed &+ 8000)
    self.seed = seed
    kernel = 1 + Int(seed % 3)
    images = noise.whole(1...4)
    inputs = noise.one(of: [1, noise.whole(2...40), noise.whole(257...600)])
    outputs = noise.one(of: [1, noise.whole(2...20)])
    rows = noise.one(of: [1, noise.whole(2...14)])
    columns = noise.one(of: [1, 14, noise.whole(2...45)])
  }

  static let all = (0..<36).map { RandomTransposed($0) }
}

@Suite struct RandomTransposedConvolutionTests {
  @Test(
    "the transposed convolution of whole numbers is exact, of fractions nearly",
    arguments: RandomTransposed.all)
  func againstPlain(_ c: RandomTransposed) {
    for exact in [true, false] {
      var noise = Noise(c.seed &+ 8500)
      let input = noise.tensor([c.images, c.inputs, c.rows, c.columns], exact: exact)
      let weight = noise.tensor([c.inputs, c.outputs, c.kernel, c.kernel], exact: exact)
      let finish = noise.finish(c.outputs, exact: exact)
      let plain = plainTransposedConvolution(input, weight: weight, finish: finish)
      let fast = transposedConvolution(input, weight: PackedWeight(weight), finish: finish)
      #expect(
        greatestDifference(plain, fast) <= (exact ? 0 : tolerance(terms: c.inputs)),
        "\(exact ? "whole numbers" : "fractions")")
    }
  }

  @Test("NaN and infinity go where the definition has them", arguments: [false, true])
  func notFinite(_ rectified: Bool) {
    var noise = Noise(8900)
    var input = noise.wholes([2, 5, 6, 7])
    (input[0, 1, 2, 3], input[1, 4, 5, 6], input[1, 0, 0, 0]) = (.nan, .infinity, -.infinity)
    let weight = noise.wholes([5, 9, 2, 2])
    let finish = Finish(shift: noise.wholes([9]).values, rectified: rectified)
    let plain = plainTransposedConvolution(input, weight: weight, finish: finish)
    let fast = transposedConvolution(input, weight: PackedWeight(weight), finish: finish)
    #expect(haveSameNumbers(plain, fast))
    #expect(plain.values.contains { $0.isNaN } && plain.values.contains(.infinity))
  }
}

struct RandomLinear: Sendable, CustomTestStringConvertible {
  let seed: UInt64
  let rows, inputs, outputs: Int

  var testDescription: String { "\(rows)x\(inputs) by \(outputs)x\(inputs)" }

  init(_ seed: UInt64) {
    var noise = Noise(seed &+ 9000)
    self.seed = seed
    rows = noise.one(of: [0, 1, 32, noise.whole(2...31), noise.whole(33...300)])
    inputs = noise.one(of: [1, 16, 256, noise.whole(2...255), noise.whole(257...1100)])
    outputs = 1 + Int(seed % 25) + noise.one(of: [0, 60])
  }

  static let all = (0..<60).map { RandomLinear($0) }
    .filter { $0.rows * $0.inputs * $0.outputs <= 4_000_000 }
}

@Suite struct RandomLinearTests {
  @Test(
    "a linear layer of whole numbers is exact, of fractions nearly", arguments: RandomLinear.all)
  func againstPlain(_ c: RandomLinear) {
    for exact in [true, false] {
      var noise = Noise(c.seed &+ 9500)
      let input = noise.tensor([c.rows, c.inputs], exact: exact)
      let weight = noise.tensor([c.outputs, c.inputs], exact: exact)
      let finish = noise.finish(c.outputs, exact: exact)
      let plain = plainLinear(input, weight: weight, finish: finish)
      let fast = linear(input, weight: PackedWeight(weight), finish: finish)
      #expect(
        greatestDifference(plain, fast) <= (exact ? 0 : tolerance(terms: c.inputs)),
        "\(exact ? "whole numbers" : "fractions")")
    }
  }

  @Test("the cases hold what they are meant to hold")
  func coverage() {
    let all = RandomLinear.all
    #expect(all.count >= 40)
    #expect(all.contains { $0.rows == 0 } && all.contains { $0.rows == 1 })
    #expect(all.count { $0.inputs > 256 && $0.rows > 1 } >= 5)
    #expect(all.count { $0.rows > 32 && $0.rows % 32 != 0 && $0.outputs % 12 != 0 } >= 3)
    for rest in 0..<12 { #expect(all.contains { $0.outputs % 12 == rest && $0.rows > 0 }) }
  }

  @Test("NaN and infinity go where the definition has them", arguments: [false, true])
  func notFinite(_ rectified: Bool) {
    var noise = Noise(9900)
    var input = noise.wholes([40, 33])
    (input[0, 32], input[7, 0], input[39, 5]) = (.nan, .infinity, -.infinity)
    let weight = noise.wholes([25, 33])
    let finish = Finish(shift: noise.wholes([25]).values, rectified: rectified)
    let plain = plainLinear(input, weight: weight, finish: finish)
    let fast = linear(input, weight: PackedWeight(weight), finish: finish)
    #expect(haveSameNumbers(plain, fast))
    #expect(plain.values.contains { $0.isNaN } && plain.values.contains(.infinity))
  }
}

@Suite struct RandomMaxPoolTests {
  @Test("max pooling a line at a time gives each window's greatest", arguments: 0..<60)
  func againstPlain(_ seed: Int) {
    var noise = Noise(UInt64(seed) &+ 10_000)
    let kernel = noise.one(of: [1, 2, 3, 3, 5])
    let stride = noise.whole(1...3)
    let padding = noise.whole(0...kernel / 2)
    let shape: Shape = [
      noise.whole(1...3), noise.whole(1...9), noise.one(of: [1, 2, noise.whole(3...20)]),
      noise.one(of: [1, 2, noise.whole(3...50)]),
    ]
    var input = noise.tensor(shape)
    func agree() -> Bool {
      haveSameNumbers(
        plainMaxPool(input, kernel: kernel, stride: stride, padding: padding),
        maxPool(input, kernel: kernel, stride: stride, padding: padding))
    }
    #expect(agree(), "\(shape) kernel \(kernel) stride \(stride) padding \(padding)")
    for value in [Float.nan, .infinity, -.infinity, .nan] {
      input.values[noise.whole(0...input.count - 1)] = value
    }
    #expect(agree(), "not finite: \(shape) kernel \(kernel) stride \(stride) padding \(padding)")
  }

  @Test("worked by hand: a window over the border, and one with a NaN, wherever it is")
  func byHand() {
    let input = Tensor([1, 1, 3, 3], [-1, -2, -3, -4, -5, -6, -7, -8, -9])
    // Windows of 2 x 2 from row and column -1: cells outside do not count as 0.
    let pooled = maxPool(input, kernel: 2, stride: 2, padding: 1)
    #expect(pooled == Tensor([1, 1, 2, 2], [-1, -2, -4, -5]))
    #expect(plainMaxPool(input, kernel: 2, stride: 2, padding: 1) == pooled)
    for cell in 0..<9 {
      var spoilt = input
      spoilt.values[cell] = .nan
      #expect(maxPool(spoilt, kernel: 3, stride: 1).values[0].isNaN)
      #expect(plainMaxPool(spoilt, kernel: 3, stride: 1).values[0].isNaN)
    }
  }
}
