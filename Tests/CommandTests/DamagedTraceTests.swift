import Foundation
import TestFixtures
import Testing
import Tracing
import WeightFiles

/// A file of a trace that is not what was written ends every command that needs it.
@Suite struct DamagedTraceTests {
  /// Changes one bit of a file of a trace.
  private func flip(_ file: URL) throws {
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 3] ^= 1
    try bytes.write(to: file)
  }

  @Test(
    "one flipped byte is an error with the file and what to do, not a grey image",
    arguments: [
      ("masks", "0-input/tensors/image.npy", "input"),
      ("proposals", "0-input/tensors/resized.npy", "input"),
      ("roi", "3-proposals/tensors/scores.npy", "proposals"),
      ("maskrcnn page", "0-input/tensors/image.npy", "input"),
      ("maskrcnn page", "3-proposals/tensors/proposals.npy", "proposals"),
      ("maskrcnn page", "5-heads/tensors/scores.npy", "heads"),
      ("maskrcnn page", "6-masks/figures/overlay.png", "masks"),
      ("maskrcnn page", "2-anchors/figures/objectness.png", "anchors"),
    ])
  func oneByte(_ command: String, _ file: String, _ remedy: String) throws {
    try withCopyOfTrace { trace in
      try flip(trace.appending(path: file))
      let words = command.split(separator: " ").map(String.init)
      let outcome = try run(words[0], words.dropFirst() + ["--trace", trace.path])
      #expect(outcome.code == 1)
      #expect(outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(file), "\(outcome.errors)")
      #expect(outcome.errors.contains("Run the stage again"), "\(outcome.errors)")
      guard file.hasSuffix(".npy") else { return }
      #expect(
        outcome.errors.contains("swift run -c release \(remedy) --trace"), "\(outcome.errors)")
    }
  }

  @Test("only a tensor that was not kept is replaced: masks are then drawn on grey")
  func notKept() throws {
    try withTemporaryFolder { folder in
      // 512 x 512 pixels in three colours are more than are kept in any case.
      let trace = folder.appending(path: "trace")
      let image = fixturesFolder.appending(path: "images/nuclei.png")
      let made = try run(
        "input",
        [image.path, "--trace", trace.path, "--tensors", "none", "--no-figures", "--no-page"])
      #expect(made.code == 0, "\(made.errors)")
      #expect(
        try Trace.open(trace).stage("0-input").record.tensors.first?.file == nil)
      #expect(try run("maskrcnn", ["page", "--trace", trace.path]).code == 0)
    }
  }

  @Test("a page that cannot be made is an error, and the stage is in the trace all the same")
  func page() throws {
    try withCopyOfTrace { trace in
      try flip(trace.appending(path: "2-anchors/figures/objectness.png"))
      let outcome = try run("masks", ["--trace", trace.path, "--threshold", "0.7"])
      #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("no page could be made"), "\(outcome.errors)")
      #expect(
        try Trace.open(trace).stage("6-masks").record.options["threshold"]?.commandLineText
          == "0.7")
    }
  }
}

/// A trace that was copied or moved away from its weights and its truth.
@Suite struct MovedTraceTests {
  /// Runs something with a trace, and with the folder of the files that it was made from, which may
  /// be removed.
  private func withTraceOfCopies(
    _ body: (_ trace: URL, _ files: URL) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let files = folder.appending(path: "files")
      try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)
      for name in ["images/nuclei.png", "images/nuclei-labels.png", "weights/nuclei.safetensors"] {
        let source = fixturesFolder.appending(path: name)
        try FileManager.default.copyItem(
          at: source, to: files.appending(path: source.lastPathComponent))
      }
      let trace = folder.appending(path: "trace")
      let made = try run(
        "maskrcnn",
        [
          files.appending(path: "nuclei.png").path, "--trace", trace.path, "--truth",
          files.appending(path: "nuclei-labels.png").path, "--weights",
          files.appending(path: "nuclei.safetensors").path, "--no-figures", "--no-page",
        ])
      #expect(made.code == 0, "\(made.errors)")
      try body(trace, files)
    }
  }

  @Test("bundled weights, truth and image are found by their checksum; others are asked for by it")
  func moved() throws {
    try withTraceOfCopies { trace, files in
      let manager = FileManager.default
      func quickly(_ command: String, _ words: [String] = []) throws -> Outcome {
        try run(command, ["--trace", trace.path, "--no-figures", "--no-page"] + words)
      }
      let whole = trace.deletingLastPathComponent().appending(path: "whole")
      try manager.copyItem(at: trace, to: whole)
      try manager.removeItem(at: files)
      for command in ["input", "backbone", "targets"] {
        let outcome = try quickly(command)
        #expect(outcome.code == 0, "\(command): \(outcome.errors)")
      }
      let diff = try run("maskrcnn", ["diff", whole.path, trace.path, "--tolerance", "0"])
      #expect(diff.code == 0, "\(diff.output)")

      // Not the bundled ones.
      try manager.removeItem(at: trace)
      try manager.copyItem(at: whole, to: trace)
      let file = trace.appending(path: "trace.json")
      var text = try String(contentsOf: file, encoding: .utf8)
      for (place, name) in [
        ("images/nuclei.png", "00000001"), ("weights/nuclei.safetensors", "00000002"),
        ("images/nuclei-labels.png", "00000003"),
      ] {
        let bytes = [UInt8](try Data(contentsOf: fixturesFolder.appending(path: place)))
        let checksum = Checksum.crc32(bytes)
        #expect(text.contains(checksum))
        text = text.replacing(checksum, with: name)
      }
      try text.write(to: file, atomically: true, encoding: .utf8)
      for (command, name, remedy) in [
        ("input", "nuclei.png (crc32 00000001)", "Give that image as the argument"),
        ("backbone", "nuclei.safetensors (crc32 00000002)", "Give that file with --weights"),
        ("targets", "nuclei-labels.png (crc32 00000003)", "Give that file with --truth"),
      ] {
        let weights = fixturesFolder.appending(path: "weights/nuclei.safetensors").path
        let outcome = try quickly(command, command == "backbone" ? [] : ["--weights", weights])
        #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(name), "\(outcome.errors)")
        #expect(outcome.errors.contains(remedy), "\(outcome.errors)")
      }
    }
  }
}
