import Foundation
import TestSupport
import Testing

/// One line on standard error that begins with "Error:", names `subject` and says one of `words`;
/// the exit code is not 0.
private func expectFault(
  _ outcome: Outcome, naming subject: String, saying words: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.code > 0, "exit code \(outcome.code)", sourceLocation: sourceLocation)
  #expect(outcome.errorLines.count == 1, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(
    outcome.errors.contains(subject), "\(outcome.errors) does not name \(subject)",
    sourceLocation: sourceLocation)
  #expect(
    outcome.errors.contains(words), "\(outcome.errors) does not say \(words)",
    sourceLocation: sourceLocation)
}

@Suite struct BadPictureTests {
  /// Runs the first stage on a file with some bytes.
  private func run(on bytes: [UInt8]?, named name: String) throws -> (Outcome, left: [String: Int])
  {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: name)
      if let bytes { try Data(bytes).write(to: file) }
      let trace = folder.appending(path: "trace")
      let outcome = try CommandTests.run(
        "maskrcnn", [file.path, "--trace", trace.path, "--no-pictures"])
      return (outcome, contents(of: trace).filter { $0.key != "trace.json" })
    }
  }

  private func fixture(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: fixturesFolder.appending(path: "pictures/\(name)")))
  }

  private func expectRefusal(
    _ bytes: [UInt8]?, _ name: String, _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (outcome, left) = try run(on: bytes, named: name)
    expectFault(outcome, naming: name, saying: words, sourceLocation: sourceLocation)
    #expect(left.isEmpty, "left behind: \(left.keys)", sourceLocation: sourceLocation)
  }

  @Test func missing() throws { try expectRefusal(nil, "nothing.png", "no such file") }

  @Test func empty() throws { try expectRefusal([], "empty.png", "empty") }

  @Test func truncated() throws {
    try expectRefusal(Array(try fixture("nuclei.png").prefix(3000)), "half.png", "cut short")
  }

  @Test func notAPicture() throws {
    try expectRefusal(Array("Dear diary,".utf8), "diary.png", "PNG")
  }

  @Test func halfAJPEG() throws {
    let whole = try fixture("codec/orientation1.jpg")
    try expectRefusal(Array(whole.prefix(whole.count / 2)), "half.jpg", "cut short")
  }

  @Test func sixtyThousandPixelsWide() throws {
    var bytes = try fixture("nuclei.png")
    // Width stands in bytes 16 … 19 of a PNG; its checksum is left wrong, as an attacker would not.
    bytes.replaceSubrange(16..<20, with: [0, 0, 0xea, 0x60])
    let (outcome, left) = try run(on: bytes, named: "wide.png")
    #expect(outcome.code > 0 && outcome.errorLines.count == 1 && left.isEmpty)
  }

  @Test func aFolder() throws {
    try withTemporaryFolder { folder in
      let outcome = try CommandTests.run(
        "input", [folder.path, "--trace", folder.appending(path: "trace").path])
      expectFault(outcome, naming: folder.lastPathComponent, saying: "folder")
    }
  }
}

@Suite struct BadWeightsTests {
  private func expectRefusal(
    _ file: URL, _ words: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let outcome = try run(
        "maskrcnn",
        [smallPicture.path, "--weights", file.path, "--trace", trace.path, "--no-pictures"])
      expectFault(
        outcome, naming: file.lastPathComponent, saying: words, sourceLocation: sourceLocation)
      #expect(
        contents(of: trace).isEmpty, "left behind in the trace", sourceLocation: sourceLocation)
    }
  }

  private func expectRefusal(
    of bytes: [UInt8], _ name: String, _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: name)
      try Data(bytes).write(to: file)
      try expectRefusal(file, words, sourceLocation: sourceLocation)
    }
  }

  private func fixture(_ name: String) -> URL {
    fixturesFolder.appending(path: "weight-files/\(name)")
  }

  @Test func missing() throws {
    try expectRefusal(URL(filePath: "/no/such/weights.pth"), "no such file")
  }

  @Test func webPage() throws {
    try expectRefusal(
      of: Array("<!DOCTYPE html><html><body>404</body></html>".utf8), "page.pth", "web page")
  }

  @Test func cutShort() throws {
    let weights = fixturesFolder.appending(path: "weights/nuclei.safetensors")
    let bytes = [UInt8](try Data(contentsOf: weights))
    try expectRefusal(of: Array(bytes.prefix(bytes.count / 2)), "half.safetensors", "bytes")
  }

  @Test func notANumber() throws { try expectRefusal(fixture("nan.safetensors"), "NaN") }

  @Test func otherShapes() throws {
    try expectRefusal(fixture("plain.safetensors"), "plain.safetensors")
  }

  @Test func codeInAPickle() throws { try expectRefusal(fixture("malicious_2.pth"), "system") }
}

@Suite struct BadTraceTests {
  @Test func notATrace() throws {
    try withTemporaryFolder { folder in
      try Data("x".utf8).write(to: folder.appending(path: "letter.txt"))
      let outcome = try run("roi", ["--trace", folder.path])
      expectFault(outcome, naming: folder.lastPathComponent, saying: "no trace here")
      let other = try run("maskrcnn", [smallPicture.path, "--trace", folder.path])
      expectFault(other, naming: folder.lastPathComponent, saying: "other things")
      #expect(contents(of: folder) == ["letter.txt": 1])
    }
  }

  @Test func halfThere() throws {
    try withCopyOfTrace { trace in
      try FileManager.default.removeItem(at: trace.appending(path: "3-proposals"))
      let before = contents(of: trace)
      let outcome = try run("roi", ["--trace", trace.path])
      expectFault(outcome, naming: "3-proposals", saying: "swift run -c release proposals")
      #expect(contents(of: trace) == before)
    }
  }

  @Test func aTensorIsMissing() throws {
    try withCopyOfTrace { trace in
      try FileManager.default.removeItem(
        at: trace.appending(path: "3-proposals/tensors/proposals.npy"))
      expectFault(
        try run("roi", ["--trace", trace.path]), naming: "proposals.npy", saying: "no such file")
    }
  }

  @Test func edited() throws {
    try withCopyOfTrace { trace in
      let file = trace.appending(path: "1-backbone/tensors/P3.npy")
      var bytes = [UInt8](try Data(contentsOf: file))
      bytes[bytes.count / 2] ^= 0xff
      try Data(bytes).write(to: file)
      let before = contents(of: trace)
      expectFault(
        try run("anchors", ["--trace", trace.path]), naming: "P3.npy", saying: "checksum")
      #expect(contents(of: trace) == before)
    }
  }

  @Test func editedRecord() throws {
    try withCopyOfTrace { trace in
      let file = trace.appending(path: "3-proposals/stage.json")
      try Data("{\"format\": 1}".utf8).write(to: file)
      expectFault(
        try run("roi", ["--trace", trace.path]), naming: "stage.json", saying: "missing")
    }
  }

  @Test func tensorsNotKept() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace").path
      let made = try run(
        "maskrcnn", [smallPicture.path, "--trace", trace, "--tensors", "none", "--no-pictures"])
      #expect(made.code == 0)
      expectFault(
        try run("anchors", ["--trace", trace]), naming: "1-backbone", saying: "--tensors full")
    }
  }

  @Test("a folder that cannot be written to is named")
  func readOnly() throws {
    if geteuid() == 0 {
      // Permissions do not hold for root; nobody can make a folder here.
      expectFault(
        try run("maskrcnn", [smallPicture.path, "--trace", "/proc/maskrcnn-trace"]),
        naming: "/proc/maskrcnn-trace", saying: "--trace")
    } else {
      try withCopyOfTrace { trace in
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: trace.path)
        defer {
          try? FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: trace.path)
        }
        expectFault(
          try run("roi", ["--trace", trace.path]), naming: trace.lastPathComponent,
          saying: "permission")
      }
    }
  }

  @Test("a disk that fills up leaves the earlier run of the stage, and no draft")
  func diskFull() throws {
    try withCopyOfTrace { trace in
      let before = contents(of: trace)
      // No file may pass 64 blocks of 512 bytes; the signal that says so is ignored, so that
      // writing fails as it does on a full disk.
      let outcome = try run(
        "backbone", ["--trace", trace.path], shell: "trap '' XFSZ; ulimit -f 64;")
      expectFault(outcome, naming: "1-backbone", saying: "cannot be written")
      #expect(contents(of: trace) == before)
    }
  }
}
