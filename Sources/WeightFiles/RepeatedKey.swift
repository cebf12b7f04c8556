import Foundation

/// Keys that an object of a JSON text has twice. Readers differ in which of the two they take, so a
/// file with such keys holds other tensors for each.
enum RepeatedKey {
  /// The first such key of any object; nil where there is none. Text that is no JSON may have any
  /// answer.
  static func first(inJSON text: Data) -> String? {
    // The keys of the objects that are open, the innermost last; nil for an array.
    var open: [Set<[UInt8]>?] = []
    var isKey = false
    let bytes = [UInt8](text)
    var place = 0
    while place < bytes.count {
      defer { place += 1 }
      switch bytes[place] {
      case UInt8(ascii: "{"):
        open.append([])
        isKey = true
      case UInt8(ascii: "["):
        open.append(nil)
        isKey = false
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = open.popLast()
        isKey = false
      case UInt8(ascii: ","):
        isKey = open.last.map { $0 != nil } ?? false
      case UInt8(ascii: "\""):
        let start = place
        place += 1
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
          place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard isKey, place < bytes.count else { continue }
        isKey = false
        let key = unescaped(bytes[start...place])
        let isNew = open[open.count - 1]?.insert(key).inserted ?? true
        if !isNew { return String(decoding: key, as: UTF8.self) }
      default: break
      }
    }
    return nil
  }

  /// The contents of a JSON string with its quotation marks.
  private static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
    guard text.contains(UInt8(ascii: "\\")),
      let word = try? JSONDecoder().decode(String.self, from: Data(text))
    else { return Array(text.dropFirst().dropLast()) }
    return Array(word.utf8)
  }
}
