import Tensors
import Testing

@Suite struct StatisticsTests {
  @Test("least, greatest and mean, at every length around the vectors' own")
  func lengths() {
    for count in 1...40 {
      let values = (0..<count).map { Float(($0 + 3) % count) - 5 }
      let statistics = Tensor([count], values).statistics
      #expect(statistics.minimum == -5)
      #expect(statistics.maximum == Float(count) - 6)
      #expect(abs(statistics.mean - (Float(count - 1) / 2 - 5)) < 1e-5)
    }
  }

  @Test("a NaN is neither least nor greatest, wherever it stands", arguments: [1, 3, 8, 9, 17])
  func nan(count: Int) {
    for place in 0..<count {
      var values = (0..<count).map { Float($0) }
      values[place] = .nan
      let statistics = Tensor([count], values).statistics
      #expect(statistics.mean.isNaN)
      guard count > 1 else {
        #expect(statistics.minimum.isNaN && statistics.maximum.isNaN)
        continue
      }
      #expect(statistics.minimum == (place == 0 ? 1 : 0))
      #expect(statistics.maximum == Float(place == count - 1 ? count - 2 : count - 1))
    }
  }
}
