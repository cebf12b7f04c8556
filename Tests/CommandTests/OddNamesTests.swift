import Foundation
import TestFixtures
import Testing

/// Names of files that try to become markup, commands or terminal sequences.
@Suite struct OddNamesTests {
  @Test("markup in an image's name stays text in the page, also behind U+0600")
  func markup() throws {
    try withTemporaryFolder { folder in
      let image = folder.appending(path: "\u{600}<img src=x>\u{600}\"'\u{301};.png")
      try FileManager.default.copyItem(at: smallImage, to: image)
      let trace = folder.appending(path: "trace")
      let outcome = try run("maskrcnn", [image.path, "--trace", trace.path])
      #expect(outcome.code == 0, "\(outcome.errors)")
      let page = try Data(contentsOf: trace.appending(path: "index.html"))
      #expect(page.range(of: Data("<img src=x".utf8)) == nil)
      #expect(page.range(of: Data("&lt;img src=x&gt;".utf8)) != nil)
    }
  }

  @Test("a file's terminal sequences are not obeyed, and a full disk is an error")
  func output() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      try FileManager.default.copyItem(at: smallTrace, to: trace)
      let record = trace.appending(path: "1-backbone/stage.json")
      let text = try String(contentsOf: record, encoding: .utf8)
      try Data(text.replacing("\"title\" : \"", with: "\"title\" : \"\\u001b[2J\\u202e").utf8)
        .write(to: record)
      let outcome = try run("maskrcnn", ["inspect", trace.path])
      #expect(outcome.code == 0 && outcome.output.contains("\u{fffd}[2J\u{fffd}"))
      #expect(!outcome.output.unicodeScalars.contains { $0.value == 0x1b || $0.value == 0x202e })
    }
    let full = try run(
      "maskrcnn", ["inspect", smallImage.path], shell: "exec > /dev/full;")
    #expect(full.code == 1 && full.errors.hasPrefix("Error: standard output: "))
  }
}
