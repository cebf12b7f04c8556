import Foundation

/// One line on a terminal that says what is going on; nothing where standard error is no terminal.
struct ProgressLine: Sendable {
  private let isShown = isatty(STDERR_FILENO) == 1

  /// Shows what has begun.
  func show(_ words: String) {
    guard isShown else { return }
    write("\r\u{1B}[K\(words) …")
  }

  /// Takes the line away.
  func clear() {
    guard isShown else { return }
    write("\r\u{1B}[K")
  }

  private func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
