import CZlib

/// Lossless compression for arrays that travel inside another file.
enum Compression {
  /// The bytes in zlib's format (RFC 1950), which browsers unpack as `deflate`.
  ///
  /// The same bytes come out for the same version of zlib.
  static func deflate(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    return [UInt8](unsafeUninitializedCapacity: Int(size)) { target, count in
      let status = compress2(
        target.baseAddress, &size, bytes, UInt(bytes.count), Int32(level))
      precondition(status == Z_OK, "zlib has no memory for \(bytes.count) bytes")
      count = Int(size)
    }
  }
}
