import Foundation

/// Prints a line on standard output, in place of Swift's own function.
///
/// Control characters other than line breaks and tabs become U+FFFD: names of layers, classes and
/// images come from files, and a terminal would obey an escape sequence among them. If the line
/// cannot be written, because the disk is full, the process ends with an error, since what it was
/// asked for is not there.
func print(_ line: String) {
  var scalars = String.UnicodeScalarView()
  for scalar in line.unicodeScalars {
    scalars.append(scalar.isObeyedByTerminals ? "\u{fffd}" : scalar)
  }
  do {
    try FileHandle.standardOutput.write(contentsOf: Data((String(scalars) + "\n").utf8))
  } catch {
    let cause = String(cString: strerror(errno))
    FileHandle.standardError.write(
      Data("Error: standard output: \(cause). Free space, or write to another place.\n".utf8))
    exit(1)
  }
}

extension Unicode.Scalar {
  /// Control characters, and those that turn the direction of text.
  fileprivate var isObeyedByTerminals: Bool {
    switch value {
    case 0x09, 0x0a: false
    case 0...0x1f, 0x7f...0x9f, 0x202a...0x202e, 0x2066...0x2069: true
    default: false
    }
  }
}
