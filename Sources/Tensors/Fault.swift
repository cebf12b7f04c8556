/// What is wrong with something that came from outside, in words for the person who gave it.
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

  /// `photo.jpg: the file is empty. Give a PNG or JPEG picture.`
  public var description: String { "\(subject): \(problem). \(remedy)." }
}
