import Foundation
import Tensors

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
