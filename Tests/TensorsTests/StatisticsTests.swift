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

  @Test(
    "elements that are not finite are counted, and change neither range nor mean",
    arguments: [1, 3, 8, 9, 17])
  func nonFinite(count: Int) {
    for value in [Float.nan, .infinity, -.infinity] {
      for place in 0..<count {
        var values = (0..<count).map { Float($0) }
        values[place] = value
        let statistics = Tensor([count], values).statistics
        #expect(statistics.nonFinite == 1)
        guard count > 1 else {
          #expect(statistics.minimum.isNaN && statistics.maximum.isNaN && statistics.mean.isNaN)
          continue
        }
        #expect(statistics.minimum == (place == 0 ? 1 : 0))
        #expect(statistics.maximum == Float(place == count - 1 ? count - 2 : count - 1))
        let sum = count * (count - 1) / 2 - place
        #expect(abs(statistics.mean - Float(sum) / Float(count - 1)) < 1e-5)
      }
    }
  }
}
