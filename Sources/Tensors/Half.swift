/// Conversions between 32-bit floats and the two 16-bit formats that weight files use.
///
/// Swift's `Float16` does not exist on every platform that this package builds for, so the
/// conversions are spelled out in integer arithmetic.
public enum Half {
  /// The value of an IEEE 754 binary16 pattern (1 sign, 5 exponent, 10 fraction bits), exactly.
  ///
  /// Without branches, so that a loop over many runs on vectors.
  @inlinable
  public static func float(bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7fff) << 13
    // Exponent and fraction are now where a float has them, with a bias of 15 instead of 127: a
    // product with 2^112 corrects that exactly, subnormals included.
    let scaled = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let special = Float(bitPattern: magnitude | 0x7f80_0000).bitPattern
    return Float(bitPattern: sign | (magnitude >= 0x0f80_0000 ? special : scaled))
  }

  /// The value of a bfloat16 pattern: the upper half of a 32-bit float.
  static func float(bfloat bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// The nearest binary16 pattern, ties to even; overflow becomes infinity.
  public static func bits(of value: Float) -> UInt16 {
    let pattern = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: pattern >> 16) & 0x8000
    let magnitude = pattern & 0x7fff_ffff
    if magnitude > 0x7f80_0000 { return sign | 0x7e00 }  // NaN
    if magnitude >= 0x477f_f000 { return sign | 0x7c00 }  // rounds to 65536 or more
    if magnitude < 0x3880_0000 {
      // Below 2^-14 the result is subnormal: a multiple of 2^-24, rounded to even.
      let scaled = (Float(bitPattern: magnitude) * 0x1p24).rounded(.toNearestOrEven)
      return sign | UInt16(scaled)
    }
    let rounded = magnitude + 0xfff + (magnitude >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded - 0x3800_0000) >> 13)
  }
}
