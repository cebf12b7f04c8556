import CZlib

/// The checksum by which a trace notices that one of its files is not what was written.
public enum Checksum {
  /// CRC-32 (zlib's) of some bytes, as eight hexadecimal digits.
  public static func crc32(_ bytes: [UInt8]) -> String {
    let value = bytes.withUnsafeBufferPointer { buffer in
      CZlib.crc32_z(0, buffer.baseAddress, buffer.count)
    }
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// CRC-32 (zlib's) of some bytes in memory, as a number.
  static func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = bytes.baseAddress else { return 0 }
    let start = base.assumingMemoryBound(to: UInt8.self)
    return UInt32(truncatingIfNeeded: CZlib.crc32_z(0, start, bytes.count))
  }
}
