import Foundation
import Tensors
import Testing

@Suite("16-bit floats")
struct HalfTests {
  /// Sign, exponent and fraction spelled out: slow, and independent of the code under test.
  static func value(ofHalf bits: UInt16) -> Float {
    let fraction = Double(bits & 0x3ff)
    let exponent = Int(bits >> 10 & 0x1f)
    let magnitude: Double =
      switch exponent {
      case 0: fraction * pow(2, -24)
      case 31: fraction == 0 ? .infinity : .nan
      default: (1 + fraction / 1024) * pow(2, Double(exponent - 15))
      }
    return Float(bits & 0x8000 == 0 ? magnitude : -magnitude)
  }

  @Test("every pattern has its value, and goes back to itself")
  func everyPattern() {
    for bits in UInt16.min...UInt16.max {
      let value = Half.float(bits: bits)
      let expected = HalfTests.value(ofHalf: bits)
      if expected.isNaN {
        #expect(value.isNaN && Half.bits(of: value) & 0x7c00 == 0x7c00)
        #expect(Half.bits(of: value) & 0x3ff != 0)
      } else {
        #expect(value.bitPattern == expected.bitPattern)
        #expect(Half.bits(of: value) == bits)
      }
    }
  }

  @Test("a weight file's 16-bit floats have the same values, every finite pattern of them")
  func everyPatternInAFile() throws {
    for type in ["F16", "BF16"] {
      let isFinite = { (bits: UInt16) in
        type == "F16" ? bits & 0x7c00 != 0x7c00 : bits & 0x7f80 != 0x7f80
      }
      let patterns = (UInt16.min...UInt16.max).filter(isFinite)
      let size = 2 * patterns.count
      let header =
        "{\"x\":{\"dtype\":\"\(type)\",\"shape\":[\(patterns.count)],\"data_offsets\":[0,\(size)]}}"
      var data = Data()
      withUnsafeBytes(of: UInt64(header.utf8.count)) { data.append(contentsOf: $0) }
      data.append(contentsOf: Array(header.utf8))
      patterns.withUnsafeBytes { data.append(contentsOf: $0) }
      let tensor = try #require(try WeightFile.decode(data, name: "x").tensors["x"])
      let expected = patterns.map {
        type == "F16" ? HalfTests.value(ofHalf: $0) : Float(bitPattern: UInt32($0) << 16)
      }
      #expect(tensor.values.map(\.bitPattern) == expected.map(\.bitPattern))
    }
  }

  @Test("rounding is to nearest, ties to even; too large becomes infinite")
  func rounding() {
    #expect(Half.bits(of: 1 + 0x1p-11) == 0x3c00)  // halfway between 1 and the next: to even
    #expect(Half.bits(of: 1 + 0x1.8p-10) == 0x3c02)
    #expect(Half.bits(of: 1 + 0x1.01p-11) == 0x3c01)
    #expect(Half.bits(of: 65519) == 0x7bff)
    #expect(Half.bits(of: 65520) == 0x7c00)
    #expect(Half.bits(of: 0x1p-25) == 0)
    #expect(Half.bits(of: 0x1.01p-25) == 1)
    #expect(Half.bits(of: -0.0) == 0x8000)
  }
}
