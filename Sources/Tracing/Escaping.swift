// Text from files inside other languages: HTML, JSON in HTML, CSV, a shell's command line, a path.
//
// All by Unicode scalars. Swift compares characters, and a mark that follows a Prepend character
// (U+0600) or is followed by a combining one (U+0301) is another character to Swift, while to whoever
// reads the result it is the mark.

extension String {
  /// The text with some scalars replaced.
  fileprivate func replacingScalars(_ words: (Unicode.Scalar) -> String?) -> String {
    var result = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      if let word = words(scalar) {
        result.append(contentsOf: word.unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// The text inside HTML, in an element or in an attribute between quotation marks.
  package var escapedHTML: String {
    replacingScalars {
      switch $0 {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case "'": "&#39;"
      default: nil
      }
    }
  }

  /// JSON inside an HTML `script` element: no `<` is left, which could end the element.
  package var jsonInHTML: String { replacingScalars { $0 == "<" ? "\\u003c" : nil } }
}

/// Text as a field of a CSV file: in quotation marks, each one inside doubled. RFC 4180, section 2.
public func quotedCSV(_ text: String) -> String {
  "\"" + text.replacingScalars { $0 == "\"" ? "\"\"" : nil } + "\""
}

/// A word as a POSIX shell takes it.
package func quoted(_ word: String) -> String {
  let plain = word.unicodeScalars.allSatisfy {
    $0.isASCII && ($0.properties.isAlphabetic || $0.properties.numericType != nil)
      || "._-/".unicodeScalars.contains($0)
  }
  if plain, !word.isEmpty { return word }
  return "'" + word.replacingScalars { $0 == "'" ? "'\\''" : nil } + "'"
}

/// Whether a relative path from a file stays inside the folder that it begins in.
func staysInside(_ path: String) -> Bool {
  let names = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  return path.utf8.first != UInt8(ascii: "/") && !names.contains { $0.elementsEqual("..".utf8) }
    && !path.utf8.contains(0)
}
