import Foundation
import Tensors
import TestFixtures
import Testing
import WeightFiles

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

@Suite struct BadImageTests {
  /// Runs the first stage on a file with some bytes.
  private func run(on bytes: [UInt8]?, named name: String) throws -> (Outcome, left: [String: Int])
  {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: name)
      if let bytes { try Data(bytes).write(to: file) }
      let trace = folder.appending(path: "trace")
      let outcome = try CommandTests.run(
        "maskrcnn", [file.path, "--trace", trace.path, "--no-figures"])
      let isThere = FileManager.default.fileExists(atPath: trace.path)
      return (outcome, isThere ? contents(of: trace).merging(["the folder": 0]) { $1 } : [:])
    }
  }

  private func fixture(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: fixturesFolder.appending(path: "images/\(name)")))
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

  @Test func notAImage() throws {
    try expectRefusal(Array("Dear diary,".utf8), "diary.png", "PNG")
  }

  @Test func halfAJPEG() throws {
    let whole = try fixture("codec/orientation1.jpg")
    try expectRefusal(Array(whole.prefix(whole.count / 2)), "half.jpg", "cut short")
  }

  @Test func sixtyThousandPixelsWide() throws {
    var bytes = try fixture("nuclei.png")
    // The header's length and type, then width and height, then its checksum, which must be right
    // for the width to be believed.
    bytes.replaceSubrange(16..<20, with: [0, 0, 0xea, 0x60])
    let checksum = Checksum.crc32(Array(bytes[12..<29]))
    let digits = stride(from: 0, to: 8, by: 2).map { checksum.dropFirst($0).prefix(2) }
    bytes.replaceSubrange(29..<33, with: digits.compactMap { UInt8($0, radix: 16) })
    try expectRefusal(bytes, "wide.png", "60000")
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
        [smallImage.path, "--weights", file.path, "--trace", trace.path, "--no-figures"])
      expectFault(
        outcome, naming: file.lastPathComponent, saying: words, sourceLocation: sourceLocation)
      #expect(
        !FileManager.default.fileExists(atPath: trace.path), "left behind: the trace's folder",
        sourceLocation: sourceLocation)
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
      let other = try run("maskrcnn", [smallImage.path, "--trace", folder.path])
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
        try run("roi", ["--trace", trace.path]), naming: "proposals.npy",
        saying: "is missing. Run the stage again")
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
        "maskrcnn", [smallImage.path, "--trace", trace, "--tensors", "none", "--no-figures"])
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
        try run("maskrcnn", [smallImage.path, "--trace", "/proc/maskrcnn-trace"]),
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
      expectFault(outcome, naming: "1-backbone", saying: "cannot be written (file too large)")
      #expect(contents(of: trace) == before)
    }
  }
}

/// Traces whose checksums are right but whose contents no stage wrote.
@Suite struct ForgedTraceTests {
  /// Replaces a tensor in a copy of the small trace, record and checksum included, and runs a
  /// stage.
  private func run(
    _ command: String, forging tensor: String, of stage: String, as array: NumericArray,
    _ options: [String] = []
  ) throws -> Outcome {
    try withCopyOfTrace { trace in
      let folder = trace.appending(path: stage)
      let bytes = NPY.encode(array)
      try Data(bytes).write(to: folder.appending(path: "tensors/\(tensor).npy"))
      let file = folder.appending(path: "stage.json")
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
      var record = try #require(json as? [String: Any])
      var tensors = try #require(record["tensors"] as? [[String: Any]])
      let index = try #require(tensors.firstIndex { $0["name"] as? String == tensor })
      tensors[index]["shape"] = array.shape.extents
      tensors[index]["crc32"] = Checksum.crc32(bytes)
      record["tensors"] = tensors
      try JSONSerialization.data(withJSONObject: record).write(to: file)
      return try CommandTests.run(command, ["--trace", trace.path, "--no-figures"] + options)
    }
  }

  private func boxes(_ box: Box) -> NumericArray { NumericArray(Tensor(boxes: [box])) }

  @Test(
    "boxes that are no boxes in the image",
    arguments: [
      Box(-1e9, 0, 1e9, 10), Box(.nan, 0, 4, 4), Box(0, 0, .infinity, 4), Box(8, 8, 4, 4),
    ])
  func boxesOutside(_ box: Box) throws {
    expectFault(
      try run("roi", forging: "proposals", of: "3-proposals", as: boxes(box)),
      naming: "3-proposals", saying: "not a box inside")
  }

  @Test(
    "sizes that no image has",
    arguments: [
      [1 << 40, 1, 32, 32, 32, 32], [8, 8, 0, 0, 32, 32], [8, 8, 40, 40, 32, 32],
      [8, 8, 32, 32, 33, 33], [8, 8],
    ])
  func sizes(_ sizes: [Int]) throws {
    expectFault(
      try run(
        "anchors", forging: "sizes", of: "0-input",
        as: NumericArray([sizes.count / 2, 2], integers: sizes)),
      naming: "0-input", saying: "sizes")
  }

  @Test(
    "inputs that the trunk cannot read", arguments: [[1, 3, 0, 64], [1, 4, 64, 64], [3, 64, 64]])
  func inputs(_ extents: [Int]) throws {
    let array = NumericArray(Tensor(Shape(extents), repeating: 0))
    expectFault(
      try run("backbone", forging: "padded", of: "0-input", as: array), naming: "0-input",
      saying: "shape")
  }

  @Test("features that the heads cannot read", arguments: [[86, 64, 5, 5], [1, 64, 7, 7], [86]])
  func features(_ extents: [Int]) throws {
    let array = NumericArray(Tensor(Shape(extents), repeating: 0))
    expectFault(
      try run("heads", forging: "features", of: "4-roi", as: array), naming: "4-roi",
      saying: "heads read")
  }

  @Test("objectness that is no number")
  func notANumber() throws {
    let stage = smallTrace.appending(path: "2-anchors/tensors/objectness.P6.npy")
    let shape = try NPY.read(stage).shape
    expectFault(
      try run(
        "proposals", forging: "objectness.P6", of: "2-anchors",
        as: NumericArray(Tensor(shape, repeating: .nan))), naming: "2-anchors",
      saying: "no numbers")
  }

  @Test("a record with an impossible shape, or a file elsewhere", arguments: ["shape", "file"])
  func records(_ key: String) throws {
    try withCopyOfTrace { trace in
      let file = trace.appending(path: "3-proposals/stage.json")
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
      var record = try #require(json as? [String: Any])
      var tensors = try #require(record["tensors"] as? [[String: Any]])
      if key == "shape" {
        tensors[0]["shape"] = [-1, Int.max]
      } else {
        tensors[0]["file"] = "../../secret.npy"
      }
      record["tensors"] = tensors
      try JSONSerialization.data(withJSONObject: record).write(to: file)
      for arguments in [["inspect", trace.path], ["diff", trace.path, smallTrace.path]] {
        expectFault(
          try CommandTests.run("maskrcnn", arguments), naming: "stage.json", saying: "impossible")
      }
    }
  }
}

@Suite struct BadOptionTests {
  @Test(
    "options out of range are refused before anything runs",
    arguments: [
      ["maskrcnn", "--threads", "9223372036854775807"], ["maskrcnn", "--threads", "0"],
      ["proposals", "--min-size", "nan"], ["proposals", "--nms-threshold", "2"],
      ["proposals", "--pre-nms-top-n", "0"], ["roi", "--sampling-ratio", "99"],
      ["roi", "--operator", "pool", "--sampling-ratio", "2"],
      ["roi", "--operator", "warp", "--aligned"], ["input", "--scale", "2", "--min-size", "300"],
      ["input", "--scale", "1e9"], ["heads", "--detections-per-image", "0"],
      ["masks", "--threshold", "-1"],
      ["backbone", "--set", "norm_eps"],
    ])
  func refused(_ words: [String]) throws {
    let outcome = try run(words[0], Array(words.dropFirst()))
    #expect(outcome.code == 64 && outcome.errors.hasPrefix("Error: "))
  }

  @Test("a setting that does not exist, or has no sense, is named")
  func settings() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace").path
      let outcome = try run(
        "maskrcnn", [smallImage.path, "--trace", trace, "--set", "norm_eps=-3"])
      expectFault(outcome, naming: "norm_eps", saying: "setting")
    }
  }

  @Test("an image that would be enlarged beyond reason")
  func tooLarge() throws {
    let image = fixturesFolder.appending(path: "images/nuclei.png").path
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let outcome = try run("input", [image, "--trace", trace.path, "--scale", "20"])
      expectFault(outcome, naming: "nuclei.png", saying: "million")
      #expect(!FileManager.default.fileExists(atPath: trace.path))
    }
  }
}

@Suite struct UnknownSubcommandTests {
  @Test(
    "a mistyped subcommand is named as such, with the nearest one",
    arguments: [
      ("maskrcnn", "inpsect", "Did you mean inspect?"), ("maskrcnn", "diffs", "Did you mean diff?"),
      ("maskrcnn", "evalute", "Did you mean evaluate?"),
      ("maskrcnn", "somersault", "The subcommands are run, input,"),
      ("roi", "swep", "Did you mean sweep?"),
    ])
  func mistyped(_ command: String, _ word: String, _ advice: String) throws {
    let outcome = try run(command, [word])
    #expect(outcome.code == 64)
    #expect(
      outcome.errors.hasPrefix("Error: \(word): there is no such subcommand"), "\(outcome.errors)")
    #expect(outcome.errors.contains(advice), "\(outcome.errors)")
  }

  @Test("what looks like a file stays a missing file")
  func files() throws {
    for word in ["photo.jpg", "images/photo"] {
      let outcome = try run("maskrcnn", [word, "--trace", "/tmp/no-such-trace"])
      #expect(outcome.code == 1 && outcome.errors.contains("no such file"), "\(outcome.errors)")
    }
  }
}
