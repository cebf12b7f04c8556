import Foundation

/// Numbers as text: in figures, tables, the page and the ledgers.
public enum Numerals {
  /// A value with a few significant digits, trailing zeros dropped and a true minus sign: `−1.25`.
  public static func short(_ value: Float, digits: Int = 3) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "−∞" : "∞" }
    if value == 0 { return "0" }
    let magnitude = abs(value)
    var text: String
    if magnitude >= 1e6 || magnitude < 1e-3 {
      text = String(format: "%.\(max(digits - 2, 0))e", Double(value))
      let parts = text.split(separator: "e")
      if parts.count == 2, let exponent = Int(parts[1]) { text = "\(parts[0])e\(exponent)" }
    } else {
      let before = Int(log10(Double(magnitude)).rounded(.down)) + 1
      text = String(format: "%.\(max(digits - max(before, 0), 0))f", Double(value))
      if text.contains(".") {
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
      }
    }
    return text.replacing("-", with: "−")
  }
}

extension Numerals {
  /// A probability with a few significant digits, and more where it would otherwise be rounded to
  /// 1: `0.98`, `0.997`.
  public static func probability(_ value: Float, digits: Int = 3) -> String {
    let texts = (digits...max(digits, 8)).lazy.map { short(value, digits: $0) }
    return texts.first { $0 != "1" || value >= 1 } ?? short(value, digits: digits)
  }

  /// A probability with a fixed count of decimals, and more digits where it would otherwise be
  /// rounded to 1: `0.05`, `0.997`.
  public static func probability(_ value: Float, decimals count: Int) -> String {
    let text = decimals(Double(value), count)
    return value < 1 && text.hasPrefix("1") ? probability(value, digits: count) : text
  }

  /// A value with the decimals that suit a scale, the same for all values on it.
  static func fixed(_ value: Float, within scale: ColourScale) -> String {
    let limit = scale.range.map { max(abs($0.lowerBound), abs($0.upperBound)) } ?? 1
    guard value.isFinite, limit >= 0.1, limit < 10_000 else { return short(value) }
    let text = String(format: "%.\(limit < 10 ? 2 : limit < 100 ? 1 : 0)f", Double(value))
    return text.contains { $0 != "-" && $0 != "0" && $0 != "." }
      ? text.replacing("-", with: "−") : text.replacing("-", with: "")
  }
}

extension Numerals {
  /// A number with a fixed count of decimals.
  public static func decimals(_ value: Double, _ count: Int) -> String {
    guard value.isFinite, count <= 15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<count { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = Int(scaled)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard count > 0 else { return sign + String(whole) }
    let fraction = String(whole % Int(scale))
    let zeros = String(repeating: "0", count: count - fraction.count)
    return "\(sign)\(whole / Int(scale)).\(zeros)\(fraction)"
  }

  /// A small number in powers of ten, `3.2e-07`; `0` for zero.
  public static func scientific(_ value: Float) -> String {
    guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
    var exponent = 0
    var mantissa = Double(abs(value))
    while mantissa < 1 {
      mantissa *= 10
      exponent -= 1
    }
    while mantissa >= 9.95 {
      mantissa /= 10
      exponent += 1
    }
    let digits = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
    return "\(value < 0 ? "-" : "")\(decimals(mantissa, 1))e\(exponent < 0 ? "-" : "+")\(digits)"
  }

  /// A number in at most four digits, whole numbers below 1e7 in full, with a true minus sign.
  public static func general(_ value: Float) -> String {
    guard value.isFinite else { return "\(value)" }
    let isWhole = value == value.rounded() || value.magnitude >= 1e4
    let text =
      isWhole && value.magnitude < 1e7
      ? String(Int(value.rounded())) : String(format: "%.4g", Double(value))
    return text.replacing("-", with: "−")
  }

  /// A part of a whole: `3.2 %`, or in powers of ten where it is small.
  public static func share(_ value: Float) -> String {
    value == 0
      ? "0"
      : value >= 0.001
        ? String(format: "%.1f %%", Double(value) * 100)
        : String(format: "%.1e", Double(value)).replacing("-", with: "−")
  }
}

/// Writes numbers as bytes of text, for tables of millions of them: by way of `String` they take
/// seconds.
@frozen
public struct NumeralWriter {
  /// Where the next character goes.
  public var end: UnsafeMutablePointer<UInt8>

  /// Begins at a place with room for all that will be written.
  @inlinable
  public init(end: UnsafeMutablePointer<UInt8>) { self.end = end }

  /// Writes one ASCII character.
  @inlinable
  public mutating func write(_ character: Unicode.Scalar) {
    end.initialize(to: UInt8(ascii: character))
    end += 1
  }

  /// Writes text as UTF-8.
  @inlinable
  public mutating func write(_ text: [UInt8]) {
    for byte in text {
      end.initialize(to: byte)
      end += 1
    }
  }

  /// Writes a whole number.
  @inlinable
  public mutating func write(_ value: Int) {
    if value < 0 { write("-") }
    var digits = 1
    var limit: UInt = 10
    while value.magnitude >= limit, digits < 19 {
      digits += 1
      limit *= 10
    }
    var rest = value.magnitude
    for place in stride(from: digits - 1, through: 0, by: -1) {
      (end + place).initialize(to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    }
    end += digits
  }

  /// Writes a number with three decimals, without an exponent below 1e12.
  @inlinable
  public mutating func write(thousandths value: Float) {
    guard value.isFinite, value.magnitude < 1e12 else { return write(Array("\(value)".utf8)) }
    let exact = Double(value.magnitude) * 1000
    var thousandths = Int(exact)
    // Half of a thousandth counts up, as in `rounded()`, which is a call.
    if exact - Double(thousandths) >= 0.5 { thousandths += 1 }
    if value < 0, thousandths > 0 { write("-") }
    write(thousandths / 1000)
    write(".")
    for divisor in [100, 10, 1] {
      end.initialize(
        to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: thousandths / divisor % 10))
      end += 1
    }
  }
}
