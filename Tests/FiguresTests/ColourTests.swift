import Figures
import Tensors
import Testing

private func distance(_ a: Oklab, _ b: Oklab) -> Float {
  let (l, p, q) = (a.lightness - b.lightness, a.a - b.a, a.b - b.b)
  return (l * l + p * p + q * q).squareRoot()
}

@Suite struct ColourTests {
  @Test func oklabRoundTrip() {
    for red in stride(from: 0, through: 255, by: 51) {
      for green in stride(from: 0, through: 255, by: 51) {
        for blue in stride(from: 0, through: 255, by: 51) {
          let colour = Colour(UInt8(red), UInt8(green), UInt8(blue))
          #expect(Oklab(colour).colour == colour)
        }
      }
    }
    // White and red as published with the colour space.
    #expect(abs(Oklab(.white).lightness - 1) < 1e-4)
    #expect(abs(Oklab(Colour(255, 0, 0)).a - 0.2249) < 1e-3)
  }

  @Test func sequentialGrowsLighterInEvenSteps() {
    let colours = ColourMap.sequential.colours.map { Oklab($0) }
    // A level of 255 moves the lightness by up to about 0.004, so single steps may stand still.
    for (a, b) in zip(colours, colours.dropFirst()) { #expect(b.lightness > a.lightness - 0.001) }
    for (a, b) in zip(colours, colours.dropFirst(8)) { #expect(b.lightness > a.lightness) }
    let steps = zip(colours, colours.dropFirst(17)).map { distance($0, $1) }
    let mean = steps.reduce(0, +) / Float(steps.count)
    for step in steps { #expect(abs(step - mean) < 0.25 * mean) }
  }

  @Test func divergingIsCentredAndSymmetric() {
    let colours = ColourMap.diverging.colours.map { Oklab($0) }
    for index in 0..<128 {
      #expect(abs(colours[index].lightness - colours[255 - index].lightness) < 0.012)
    }
    for index in 0..<127 {
      #expect(colours[index + 1].lightness > colours[index].lightness - 0.002)
    }
    #expect(colours[127].lightness > 0.97)
    #expect(colours[10].b < -0.05, "negative is blue")
    #expect(colours[245].a > 0.05, "positive is red")
    let scale = ColourScale.diverging.fitted(to: [Tensor([3], [-1, 0.5, 4])])
    #expect(scale.range == -4...4)
    let zero = Oklab(scale.colour(0))
    #expect(zero.lightness > 0.96)
    #expect((zero.a * zero.a + zero.b * zero.b).squareRoot() < 0.02)
  }

  @Test func whatIsNoNumberIsMarked() {
    #expect(ColourScale.share.colour(.nan) == .notANumber)
    #expect(ColourScale.share.colour(7) == ColourScale.share.colour(1))
    let fitted = ColourScale.sequential.fitted(to: [Tensor([4], [.nan, 2, .infinity, 3])])
    #expect(fitted.range == 2...3)
    #expect(!ColourMap.sequential.colours.contains(.notANumber))
    #expect(!ColourMap.diverging.colours.contains(.notANumber))
  }

  @Test func neighboursAreToldApart() {
    let levels = (2...6).map { Oklab(Palette.level($0)) }
    for first in 0..<5 {
      for second in 0..<first { #expect(distance(levels[first], levels[second]) > 0.15) }
    }
    for number in 0..<200 {
      for next in 1...2 {
        let pair = (Palette.instance(number), Palette.instance(number + next))
        #expect(distance(Oklab(pair.0), Oklab(pair.1)) > 0.1)
      }
    }
  }

  @Test func oneValueAndNoValueStillHaveAScale() {
    let one = ColourScale.sequential.fitted(to: [Tensor([2], [5, 5])])
    #expect(one.range.map { $0.upperBound > $0.lowerBound } == true)
    #expect(ColourScale.diverging.fitted(to: [Tensor([2], [0, 0])]).range == -1...1)
    #expect(ColourScale.sequential.fitted(to: [Tensor([1], [.nan])]).range != nil)
  }
}

@Suite struct NumeralTests {
  @Test func ticksAreRoundAndFew() {
    #expect(Ticks(from: 0, to: 1088, most: 7).labels == ["0", "200", "400", "600", "800", "1000"])
    #expect(Ticks(from: -2.4, to: 2.4, most: 6).labels == ["−2", "−1", "0", "1", "2"])
    #expect(Ticks(from: 0, to: 1, most: 6).labels == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"])
    #expect(
      Ticks(from: 0.0012, to: 0.0019, most: 4).labels == ["0.0012", "0.0014", "0.0016", "0.0018"])
    #expect(Ticks(from: 3, to: 3, most: 4).values.isEmpty)
    #expect(Ticks(from: .nan, to: 3, most: 4).values.isEmpty)
    for most in 1...12 {
      for end in [Float(0.3), 1, 7, 49, 800, 1e6] {
        #expect(Ticks(from: -end / 3, to: end, most: most).values.count <= most)
      }
    }
  }

  @Test(
    arguments: zip(
      [Float(0), 1, -1.25, 0.12345, 1234.5, 1.5e-5, -2e7, .nan, -.infinity],
      ["0", "1", "−1.25", "0.123", "1234", "1.5e−5", "−2.0e7", "NaN", "−∞"]))
  func shortNumerals(value: Float, text: String) {
    #expect(Numerals.short(value) == text)
  }
}
