import ArgumentParser
import Foundation
import Tracing

extension Trace.Keeping: ExpressibleByArgument {}

/// Where a command's trace lies and what is kept in it.
struct TraceOptions: ParsableArguments {
  @Option(name: .long, help: "The trace's folder.")
  var trace = "trace"

  @Option(
    help: "Which tensors are kept as files: full (32 bits), half (16 bits), none (small ones).")
  var tensors = Trace.Keeping.full

  @Flag(inversion: .prefixedNo, help: "Draw the figures.")
  var figures = true

  @Flag(inversion: .prefixedNo, help: "Make index.html, the page that reads the trace.")
  var page = true

  @OptionGroup var threads: ThreadOptions

  var folder: URL { URL(fileURLWithPath: trace) }
}
