import ArgumentParser
import Foundation
import TracePage
import Tracing

/// `maskrcnn page`: the page of a trace, made anew.
struct PageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Make index.html, the page that reads a trace, anew.",
    discussion: "The page is one file; it opens from disk and loads nothing from elsewhere.")

  @Option(help: "The trace's folder.") var trace = "trace"
  @Option(help: "A second trace, to be held against the first: where they differ first, and how.")
  var against: String?

  func run() throws {
    let page = try TracePage(
      .open(URL(fileURLWithPath: trace)),
      against: against.map { try .open(URL(fileURLWithPath: $0)) })
    print(try page.write().relativePath)
  }
}
