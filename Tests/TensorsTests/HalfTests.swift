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

  @Test("elements of a file have the same values, every pattern of them")
  func everyPatternInAFile() {
    let patterns = Array(UInt16.min...UInt16.max)
    func bits(_ type: ElementType) -> [UInt32] {
      patterns.withUnsafeBytes { type.floats(in: $0) }.map(\.bitPattern)
    }
    #expect(bits(.bfloat16) == patterns.map { UInt32($0) << 16 })
    for (pattern, bits) in zip(patterns, bits(.float16)) {
      let (value, expected) = (Float(bitPattern: bits), HalfTests.value(ofHalf: pattern))
      #expect(expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern)
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
