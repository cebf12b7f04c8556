import Foundation

/// Compares a number with what the notebook's text says; the cell fails where they differ, after it
/// has run to its end.
///
/// - Parameter tolerance: how far the number may be off; sums are rounded differently by different
///   processors
public func check<Number: BinaryFloatingPoint>(
  _ value: Number, equals expected: Number, within tolerance: Number, line: Int = #line
) {
  if !(abs(value - expected) <= tolerance) {
    fail("the value is \(value), the text says \(expected), within \(tolerance)", line)
  }
}

/// Compares a value with what the notebook's text says; the cell fails where they differ, after it
/// has run to its end.
public func check<Value: Equatable>(_ value: Value, equals expected: Value, line: Int = #line) {
  if value != expected { fail("the value is \(value), the text says \(expected)", line) }
}

/// Compares what the notebook's text says with the truth.
///
/// - Parameter claim: what is said, for the message
public func check(_ holds: Bool, _ claim: String, line: Int = #line) {
  if !holds { fail("this does not hold: \(claim)", line) }
}

private func fail(_ text: String, _ line: Int) {
  Channel.send(["failure": ["line": line, "text": text]])
}

/// What a cell calls in place of the runtime's `swift_errorInMain` when an error leaves it, as the
/// linker's `--wrap` arranges. The runtime would end the process; this ends the cell's thread, which
/// the kernel's host made for it.
@_silgen_name("__wrap_swift_errorInMain")
public func reportThrown(_ error: any Error) -> Never {
  Channel.send(["thrown": "\(error)"])
  pthread_exit(nil)
}
