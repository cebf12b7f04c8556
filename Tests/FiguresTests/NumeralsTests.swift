import Figures
import Testing

@Suite struct ProbabilityNumeralTests {
  @Test("no probability below 1 is shown as 1")
  func belowOne() {
    #expect(Numerals.probability(0.997, digits: 2) == "0.997")
    #expect(Numerals.probability(0.994, digits: 2) == "0.99")
    #expect(Numerals.probability(0.99996, digits: 4) == "0.99996")
    #expect(Numerals.probability(Float(1).nextDown) == "0.9999999")
    #expect(Numerals.probability(1) == "1" && Numerals.probability(0) == "0")
    #expect(Numerals.probability(0.5) == "0.5")
    for (value, text) in [
      (0.997, "0.997"), (0.994, "0.99"), (0.5, "0.50"), (0, "0.00"), (1, "1.00"),
    ] as [(Float, String)] {
      #expect(Numerals.probability(value, decimals: 2) == text)
    }
  }
}
