import Foundation
import Tensors

/// The directory of a zip file and the bytes of its entries, as far as `torch.save` uses the
/// format: entries are stored, not compressed. PKWARE's APPNOTE, with the 64-bit extension.
struct ZipArchive {
  /// One file in the archive.
  struct Entry {
    let name: String
    let method: UInt16
    let isEncrypted: Bool
    let checksum: UInt32
    let compressedSize: Int
    let size: Int
    let headerOffset: Int
  }

  /// Entries by name.
  let entries: [String: Entry]
  private let data: Data
  private let name: String
  private let directory: Int

  /// Whether bytes look like a zip file.
  static func recognizes(_ data: Data) -> Bool {
    data.starts(with: [0x50, 0x4b, 0x03, 0x04])
  }

  /// Reads the directory; `name` is what an error calls the file.
  init(_ data: Data, name: String) throws {
    self.data = data.startIndex == 0 ? data : Data(data)
    self.name = name
    let (count, offset) = try ZipArchive.findDirectory(self.data, name: name)
    var reader = ByteReader(self.data, name: name)
    try reader.seek(offset)
    var entries: [String: Entry] = [:]
    // Entries that share bytes would be read and summed once each.
    var left = self.data.count
    for _ in 0..<count {
      let entry = try ZipArchive.readEntry(&reader)
      guard entry.compressedSize <= left else {
        throw Fault(
          name, "the entries of the zip file overlap or lie beyond its end",
          remedy: ByteReader.remedy)
      }
      left -= entry.compressedSize
      guard entries.updateValue(entry, forKey: entry.name) == nil else {
        throw Fault(
          name, "two entries of the zip file are called \(entry.name.quoted)",
          remedy: ByteReader.remedy)
      }
    }
    self.entries = entries
    self.directory = offset
  }

  /// Where the bytes of an entry lie, its checksum compared.
  func contents(of entry: Entry) throws -> Range<Int> {
    let shown = entry.name.quoted
    guard entry.method == 0, !entry.isEncrypted, entry.size == entry.compressedSize else {
      throw Fault(
        name, "\(shown) is compressed or encrypted, which torch.save never does",
        remedy: "Give the file as torch.save wrote it")
    }
    var reader = ByteReader(data, 0..<directory, name: name)
    try reader.seek(entry.headerOffset)
    guard try reader.integer(UInt32.self) == 0x0403_4b50 else {
      throw Fault(name, "\(shown) is not where the directory says", remedy: ByteReader.remedy)
    }
    _ = try reader.take(22)
    let lengths = (try reader.size(UInt16.self), try reader.size(UInt16.self))
    _ = try reader.take(lengths.0 + lengths.1)
    let range = try reader.take(entry.size)
    let checksum = data.withUnsafeBytes { file in
      Checksum.crc32(UnsafeRawBufferPointer(rebasing: file[range]))
    }
    guard checksum == entry.checksum else {
      throw Fault(name, "\(shown) is damaged: its checksum is wrong", remedy: ByteReader.remedy)
    }
    return range
  }

  /// Finds the directory through the record at the end of the file.
  private static func findDirectory(
    _ data: Data, name: String
  ) throws -> (count: Int, offset: Int) {
    let signature: [UInt8] = [0x50, 0x4b, 0x05, 0x06]
    // A comment of up to 65535 bytes may follow the record, which has 22.
    let start = max(0, data.count - 65_557)
    guard let record = data[start...].lastRange(of: signature)?.lowerBound else {
      throw Fault(
        name,
        "the file is cut short: its \(data.count) bytes begin a zip file whose directory, "
          + "which is at the end, is missing", remedy: ByteReader.remedy)
    }
    var reader = ByteReader(data, name: name)
    try reader.seek(record + 10)
    var count = try reader.size(UInt16.self)
    _ = try reader.take(4)
    var offset = try reader.size(UInt32.self)
    _ = try reader.take(try reader.size(UInt16.self))
    if count == 0xffff || offset == 0xffff_ffff {
      // The 64-bit record is found through its locator, 20 bytes before the record.
      try reader.seek(record - 20)
      guard try reader.integer(UInt32.self) == 0x0706_4b50 else { throw reader.cutShort() }
      _ = try reader.take(4)
      try reader.seek(try reader.size(UInt64.self))
      guard try reader.integer(UInt32.self) == 0x0606_4b50 else { throw reader.cutShort() }
      _ = try reader.take(28)
      count = try reader.size(UInt64.self)
      _ = try reader.take(8)
      offset = try reader.size(UInt64.self)
    }
    // An entry takes 46 bytes at least: a larger count is no count.
    guard offset <= record, count <= (record - offset) / 46 else {
      throw Fault(name, "the directory of the zip file is damaged", remedy: ByteReader.remedy)
    }
    return (count, offset)
  }

  private static func readEntry(_ reader: inout ByteReader) throws -> Entry {
    guard try reader.integer(UInt32.self) == 0x0201_4b50 else {
      throw Fault(
        reader.name, "the directory of the zip file is damaged", remedy: ByteReader.remedy)
    }
    _ = try reader.take(4)
    let flags = try reader.integer(UInt16.self)
    let method = try reader.integer(UInt16.self)
    _ = try reader.take(4)
    let checksum = try reader.integer(UInt32.self)
    var compressedSize = try reader.size(UInt32.self)
    var size = try reader.size(UInt32.self)
    let nameLength = try reader.size(UInt16.self)
    let extraLength = try reader.size(UInt16.self)
    let commentLength = try reader.size(UInt16.self)
    _ = try reader.take(8)
    var offset = try reader.size(UInt32.self)
    let name = try reader.text(nameLength)
    var extra = ByteReader(reader.data, try reader.take(extraLength), name: reader.name)
    while extra.remaining >= 4 {
      let kind = try extra.integer(UInt16.self)
      var field = ByteReader(
        reader.data, try extra.take(try extra.size(UInt16.self)), name: reader.name)
      guard kind == 1 else { continue }
      // The 64-bit field holds only the numbers that did not fit, in this order.
      if size == 0xffff_ffff { size = try field.size(UInt64.self) }
      if compressedSize == 0xffff_ffff { compressedSize = try field.size(UInt64.self) }
      if offset == 0xffff_ffff { offset = try field.size(UInt64.self) }
    }
    _ = try reader.take(commentLength)
    return Entry(
      name: name, method: method, isEncrypted: flags & 1 != 0, checksum: checksum,
      compressedSize: compressedSize, size: size, headerOffset: offset)
  }
}
