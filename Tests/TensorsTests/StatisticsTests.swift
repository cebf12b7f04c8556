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

@Suite struct DistributionTests {
  @Test("mean, deviation, histogram and dead units, by hand")
  func byHand() {
    // Three output channels of two weights; the second channel is nearly nothing beside the others.
    let weight = Tensor([3, 2], [2, -2, 0.001, 0, 6, 2])
    let found = Distribution(weight, unitAxis: 0, bins: 4)
    #expect(abs(found.mean - 8.001 / 6) < 1e-7)
    // Squares of 2, -2, 0.001, 0, 6, 2: 48.000001; the mean's square is subtracted.
    let variance = 48.000001 / 6 - (8.001 / 6) * (8.001 / 6)
    #expect(abs(found.deviation - variance.squareRoot()) < 1e-6)
    #expect(found.minimum == -2 && found.maximum == 6)
    // Intervals of 2 from -2: -2; 0 and 0.001; 2 and 2; 6, which ends the last one.
    #expect(found.histogram == [1, 2, 2, 1])
    #expect(found.units == 3 && found.deadUnits == 1)
  }

  @Test("a channel of a feature map is dead if it is 0 in every image and cell")
  func channels() {
    // Two images, three channels, 1 x 2 cells.
    let map = Tensor([2, 3, 1, 2], [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0])
    let found = Distribution(map, unitAxis: 1)
    #expect(found.units == 3 && found.deadUnits == 1)
    #expect(found.histogram.count == 16 && found.histogram[0] == 10)
  }

  @Test("nothing, one value everywhere, and elements that are not finite")
  func odd() {
    let empty = Distribution(Tensor([0, 3], []), unitAxis: 0)
    #expect(empty.units == 0 && empty.deadUnits == 0 && empty.mean == 0)
    let flat = Distribution(Tensor([4], [3, 3, 3, 3]), unitAxis: 0)
    #expect(flat.deviation == 0 && flat.histogram[0] == 4 && flat.deadUnits == 0)
    let odd = Distribution(Tensor([2, 2], [.nan, 1, .infinity, 3]), unitAxis: 0, bins: 2)
    #expect(odd.mean == 2 && odd.deviation == 1 && odd.histogram == [1, 1])
    let none = Distribution(Tensor([2], [.nan, .nan]), unitAxis: 0)
    #expect(none.histogram.allSatisfy { $0 == 0 })
  }
}
