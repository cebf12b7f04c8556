/// What is wrong with something that came from outside, told to the person who gave it.
///
/// Every error that the package throws on bad input is one of these, and prints as one line: the
/// file or option it is about, what is wrong with it, and what to do.
public struct Fault: Error, Equatable, CustomStringConvertible, Sendable {
  /// The file, option or folder that the fault is about.
  public let subject: String
  /// What is wrong.
  public let problem: String
  /// What to do about it.
  public let remedy: String

  /// Makes a fault from its three parts, each without a final full stop.
  public init(_ subject: String, _ problem: String, remedy: String) {
    self.subject = subject
    self.problem = problem
    self.remedy = remedy
  }

  /// `photo.jpg: the file is empty. Give a PNG or JPEG image.`
  ///
  /// Always one line, whatever the names in a file contain.
  public var description: String {
    "\(subject): \(problem). \(remedy).".onOneLine
  }
}

extension String {
  /// The text with every line break and control character replaced by a space.
  var onOneLine: String {
    guard unicodeScalars.contains(where: { $0.breaksLine }) else { return self }
    var line = String.UnicodeScalarView()
    for scalar in unicodeScalars { line.append(scalar.breaksLine ? " " : scalar) }
    return String(line)
  }

  /// The text as an error quotes it: on one line, and not longer than a line.
  package var quoted: String {
    let line = onOneLine
    return line.count <= 80 ? line : line.prefix(77) + "..."
  }
}

extension Unicode.Scalar {
  fileprivate var breaksLine: Bool {
    value < 0x20 || (0x7f...0x9f).contains(value) || value == 0x2028 || value == 0x2029
  }
}
