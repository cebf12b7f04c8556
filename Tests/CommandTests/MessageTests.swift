import Foundation
import TestFixtures
import Testing

@Suite("What commands say about files that they cannot use")
struct MessageTests {
  /// Runs `inspect` on a file with some bytes.
  private func inspect(_ bytes: [UInt8], _ name: String) throws -> Outcome {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: name)
      try Data(bytes).write(to: file)
      return try run("maskrcnn", ["inspect", file.path])
    }
  }

  @Test("inspect calls another image format by its name, as a run does")
  func otherImages() throws {
    let outcome = try inspect(Array("GIF89a\u{1}\u{1}".utf8), "a.gif")
    #expect(outcome.code == 1 && outcome.errors.contains("this is a GIF image"))
  }

  @Test("kinds of JPEG that are not supported are not called damaged")
  func kindsOfJPEG() throws {
    let whole = [UInt8](
      try Data(contentsOf: fixturesFolder.appending(path: "images/codec/orientation1.jpg")))
    let frame = try #require(
      whole.indices.dropLast().first { whole[$0] == 0xff && [0xc0, 0xc2].contains(whole[$0 + 1]) })
    var lossless = whole
    lossless[frame + 1] = 0xc3
    #expect(try inspect(lossless, "a.jpg").errors.contains("coded without loss"))
    var deep = whole
    deep[frame + 4] = 12
    #expect(try inspect(deep, "a.jpg").errors.contains("of 12 bits per sample"))
  }

  @Test("a chunk that is longer than the file is cut short")
  func longChunk() throws {
    let whole = [UInt8](try Data(contentsOf: smallImage))
    // Behind the header, a text of 2 GB.
    let announced = Array(whole.prefix(33)) + [0x7f, 0xff, 0xff, 0xf0] + Array("tEXtabc".utf8)
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).png")
    try Data(announced).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let outcome = try run("maskrcnn", ["inspect", file.path], shell: "ulimit -v 1500000;")
    #expect(outcome.code == 1 && outcome.errors.contains("cut short"), "\(outcome.errors)")
  }

  @Test("a pipe is called one")
  func pipe() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "a.png")
      try #require(mkfifo(file.path, 0o600) == 0)
      let outcome = try run("maskrcnn", ["inspect", file.path])
      #expect(outcome.code == 1 && outcome.errors.contains("this is a pipe or a device"))
    }
  }

  @Test("inspect names a stage whose record is missing")
  func stageWithoutRecord() throws {
    try withCopyOfTrace { trace in
      try FileManager.default.removeItem(at: trace.appending(path: "4-roi/stage.json"))
      let outcome = try run("maskrcnn", ["inspect", trace.path])
      #expect(outcome.code == 1 && outcome.errors.contains("4-roi"), "\(outcome.errors)")
    }
  }

  @Test("a run that a signal ends leaves no draft", arguments: ["TERM", "INT", "HUP"])
  func signals(name: String) throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      _ = try run(
        "maskrcnn", [smallImage.path, "--trace", trace.path],
        shell: "(sleep 0.3; kill -\(name) $$ 2>/dev/null) & ")
      let left = (try? FileManager.default.contentsOfDirectory(atPath: trace.path)) ?? []
      #expect(!left.contains { $0.hasPrefix(".") }, "\(left)")
    }
  }
}
