import Foundation
import Tensors

/// A hint about a file on standard error, in one line; nothing for nil.
func hint(_ words: String?, about file: URL) {
  guard let words else { return }
  FileHandle.standardError.write(Data("Hint: \(file.relativePath): \(words).\n".utf8))
}

/// The first problems on standard error, a line each.
func warn(_ problems: [Fault]) {
  let shown = 10
  var lines = problems.prefix(shown).map { "Warning: \($0)" }
  if problems.count > shown {
    lines.append("Warning: \(problems.count - shown) more like these.")
  }
  guard !lines.isEmpty else { return }
  FileHandle.standardError.write(Data((lines.joined(separator: "\n") + "\n").utf8))
}
