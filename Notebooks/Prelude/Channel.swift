import Foundation

/// The way from a cell to the notebook: lines of JSON to the kernel, one byte back.
///
/// The kernel names both pipes in `SWIFTKERNEL_CHANNEL`, as `write,read`. Without it, in a program
/// that is no notebook, nothing is sent.
enum Channel {
  private static let pipes: (write: FileHandle, read: FileHandle)? = {
    let numbers = (ProcessInfo.processInfo.environment["SWIFTKERNEL_CHANNEL"] ?? "")
      .split(separator: ",").compactMap { Int32($0) }
    guard numbers.count == 2 else { return nil }
    return (FileHandle(fileDescriptor: numbers[0]), FileHandle(fileDescriptor: numbers[1]))
  }()

  /// Sends a message, and waits until the notebook has it: what is printed before and after it stays
  /// before and after it.
  static func send(_ message: [String: Any]) {
    guard let pipes, let line = try? JSONSerialization.data(withJSONObject: message) else { return }
    fflush(nil)
    try? pipes.write.write(contentsOf: line + [0x0a])
    _ = try? pipes.read.read(upToCount: 1)
  }

  /// Sends something to look at, in one or more forms, by their MIME types.
  static func display(_ forms: [String: String]) { send(["display": forms]) }
}
