import CZlib

/// The checksum by which a trace notices that one of its files is not what was written, and by
/// which it names the weight file that it was made with.
public enum Checksum {
  /// CRC-32 (zlib's) of some bytes and those that follow them, as eight hexadecimal digits.
  public static func crc32(
    _ bytes: [UInt8],
    then rest: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
  ) -> String {
    let value = crc32(rest, after: bytes.withUnsafeBytes { crc32($0) })
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// CRC-32 (zlib's) of some bytes in memory, as a number; `before` is that of the bytes in front.
  static func crc32(_ bytes: UnsafeRawBufferPointer, after before: UInt32 = 0) -> UInt32 {
    guard let base = bytes.baseAddress else { return before }
    let start = base.assumingMemoryBound(to: UInt8.self)
    return UInt32(truncatingIfNeeded: CZlib.crc32_z(numericCast(before), start, bytes.count))
  }
}
