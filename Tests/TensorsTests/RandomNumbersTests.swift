import Tensors
import Testing

@Suite struct RandomNumbersTests {
  @Test("the published algorithm's numbers")
  func published() {
    // The first numbers of SplitMix64's reference implementation in C for these seeds.
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(
      (0..<5).map { _ in generator.next() } == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
      ])
    var zero = SeededGenerator(seed: 0)
    #expect(zero.next() == 0xE220_A839_7B1D_CDAF)
    #expect(zero.next() == 0x6E78_9E6A_A1B9_65F4)
  }

  @Test("a state continues the sequence")
  func state() {
    var first = SeededGenerator(seed: 7)
    _ = (0..<10).map { _ in first.next() }
    var second = SeededGenerator(seed: first.state)
    #expect(first.next() == second.next())
  }

  @Test("uniform numbers are the upper bits, and never 1")
  func uniform() {
    var bits = SeededGenerator(seed: 1_234_567)
    var floats = bits
    var doubles = bits
    for _ in 0..<1000 {
      let next = bits.next()
      let (single, double) = (floats.uniform(), doubles.uniformDouble())
      #expect(single == Float(next >> 40) / 16_777_216 && single < 1)
      #expect(double == Double(next >> 11) / 9_007_199_254_740_992 && double < 1)
    }
  }

  @Test("whole numbers below a bound come alike often")
  func below() {
    var generator = SeededGenerator(seed: 3)
    var counts = [Int](repeating: 0, count: 6)
    for _ in 0..<60_000 { counts[generator.below(6)] += 1 }
    // 10,000 each, with a deviation of 91.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 460 })
    #expect((0..<100).allSatisfy { _ in generator.below(1) == 0 })
    #expect(generator.below(.max) >= 0)
  }

  @Test("normal numbers have mean 0, deviation 1 and the tails of a normal distribution")
  func normal() {
    var generator = SeededGenerator(seed: 4)
    let numbers = (0..<50_000).map { _ in Double(generator.normal()) }
    let mean = numbers.reduce(0, +) / 50_000
    let variance = numbers.reduce(0) { $0 + $1 * $1 } / 50_000 - mean * mean
    #expect(abs(mean) < 0.02 && abs(variance - 1) < 0.03)
    // 4.55 % lie beyond two deviations.
    #expect(abs(Double(numbers.count { abs($0) > 2 }) / 50_000 - 0.0455) < 0.004)
  }

  @Test("a choice has different numbers, every one alike often; a shuffle keeps all")
  func choosing() {
    var generator = SeededGenerator(seed: 5)
    var counts = [Int](repeating: 0, count: 5)
    for _ in 0..<20_000 {
      let chosen = generator.choose(2, of: 5)
      #expect(Set(chosen).count == 2)
      for number in chosen { counts[number] += 1 }
    }
    // 8000 each, with a deviation of 69.
    #expect(counts.allSatisfy { abs($0 - 8000) < 350 })
    #expect(generator.choose(5, of: 5).sorted() == [0, 1, 2, 3, 4])
    #expect(generator.choose(0, of: 0).isEmpty)
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h"]
    #expect(generator.shuffled(letters).sorted() == letters)
  }
}
