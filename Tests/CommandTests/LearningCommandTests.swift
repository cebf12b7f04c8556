import Foundation
import TestFixtures
import Testing
import Tracing

/// The objects that there are in `smallImage`.
private let smallTruth = fixturesFolder.appending(path: "golden/learning/bundled/truth.json")

private let quick = ["--no-page", "--no-figures"]

@Suite struct LearningCommandTests {
  @Test("targets and losses on a trace; the trace remembers the truth; a table of five losses")
  func stages() throws {
    try withCopyOfTrace { trace in
      let place = ["--trace", trace.path] + quick
      let targets = try run("targets", place + ["--truth", smallTruth.path])
      #expect(targets.code == 0 && targets.errors.isEmpty, "\(targets.errors)")
      #expect(targets.output.contains("anchors ("))
      // Without naming the truth again, by the other command.
      let again = try run("maskrcnn", ["targets"] + place + ["--sample", "all"])
      #expect(again.code == 0, "\(again.errors)")
      let options = try Trace.open(trace).stage("7-targets").record.options
      #expect(options["truth"] == .text("truth.json") && options["sample"] == .text("all"))
      let losses = try run("losses", place)
      #expect(losses.code == 0, "\(losses.errors)")
      for name in [
        "loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg", "loss_mask",
        "total",
      ] {
        #expect(losses.output.contains("\n\(name) "), "\(name)")
      }
      #expect(losses.output.contains(" positive anchors ") && losses.output.contains(" pixels of "))
      // Stage 8 was made from what stage 7 left before.
      let rerun = try run("targets", place).output
      #expect(
        rerun.contains(
          "8-losses, computed from an earlier 7-targets: refresh it with swift run -c release "
            + "losses --trace"), "\(rerun)")
    }
  }

  @Test("all stages run on an image whose truth is given; threads change no bit")
  func whole() throws {
    try withTemporaryFolder { folder in
      var checksums: [[String?]] = []
      for threads in ["1", "8"] {
        let trace = folder.appending(path: threads)
        let made = try run(
          "maskrcnn",
          [
            smallImage.path, "--trace", trace.path, "--truth", smallTruth.path, "--threads",
            threads,
          ] + quick)
        #expect(made.code == 0, "\(made.errors)")
        checksums.append(
          try ["7-targets", "8-losses"].flatMap {
            try Trace.open(trace).stage($0).record.tensors.map(\.crc32)
          })
      }
      #expect(checksums[0] == checksums[1] && checksums[0].count > 30)
    }
  }

  @Test("a stage of learning that is given an image runs all stages before it")
  func imageForAStage() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let words = [smallImage.path, "--trace", trace.path] + quick
      let refused = try run("losses", words)
      #expect(refused.code == 1 && refused.errorLines.count == 1)
      #expect(refused.errors.contains("nothing says which objects there are"))
      #expect(!FileManager.default.fileExists(atPath: trace.path))
      let made = try run("losses", words + ["--truth", smallTruth.path])
      #expect(made.code == 0, "\(made.errors)")
      #expect(made.output.contains("Running the stages 0 to 7"))
    }
  }

  @Test("a class for all objects, by name")
  func label() throws {
    try withCopyOfTrace { trace in
      let words = ["--trace", trace.path, "--truth", smallTruth.path] + quick
      let made = try run("targets", words + ["--label", "stained nucleus"])
      #expect(made.code == 0, "\(made.errors)")
      let labels = try Trace.open(trace).stage("7-targets").integers("truth.labels")
      #expect(!labels.isEmpty && labels.allSatisfy { $0 == 2 })
      // The trace remembers it.
      #expect(try run("targets", ["--trace", trace.path] + quick).code == 0)
      #expect(try Trace.open(trace).stage("7-targets").integers("truth.labels") == labels)
      let refused = try run("targets", words + ["--label", "ring"])
      #expect(refused.code == 1 && refused.errorLines.count == 1)
      #expect(refused.errors.contains("the model has no class ring of objects"))
    }
  }
}

@Suite struct BadTruthTests {
  private func json(_ annotations: String, images: String? = nil) -> String {
    """
    {"images": [\(images ?? #"{"id": 1, "file_name": "image.png", "width": 68, "height": 54}"#)],
    "categories": [{"id": 1, "name": "nucleus"}], "annotations": [\(annotations)]}
    """
  }

  private func annotation(
    _ box: String, _ polygon: String = "[10, 10, 20, 10, 20, 20]", image: Int = 1
  ) -> String {
    """
    {"id": 1, "image_id": \(image), "category_id": 1, "bbox": \(box), "segmentation": [\(polygon)]}
    """
  }

  /// Runs the stage on a truth; expects one line, and nothing changed in the trace.
  private func expectRefusal(
    _ truth: String, _ words: String, arguments: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try withCopyOfTrace { trace in
      let file = trace.deletingLastPathComponent().appending(path: "wrong.json")
      try truth.write(to: file, atomically: true, encoding: .utf8)
      let before = contents(of: trace)
      let outcome = try run(
        "targets", ["--trace", trace.path, "--truth", file.path] + arguments + quick)
      #expect(outcome.code == 1, sourceLocation: sourceLocation)
      #expect(
        outcome.errorLines.count == 1 && outcome.errors.contains("wrong.json")
          && outcome.errors.contains(words), "\(outcome.errors)", sourceLocation: sourceLocation)
      #expect(contents(of: trace) == before, sourceLocation: sourceLocation)
    }
  }

  @Test func wrongSize() throws {
    let images = #"{"id": 1, "file_name": "image.png", "width": 54, "height": 68}"#
    try expectRefusal(
      json(annotation("[10, 10, 10, 10]"), images: images),
      "the truth is of 54 x 68 image pixels, the image has 68 x 54")
  }

  @Test func boxOfZeroWidth() throws {
    try expectRefusal(
      json(annotation("[10, 10, 0, 10]")), "annotation 1 has a box of 0.0 x 10.0 image pixels")
  }

  @Test func objectOutside() throws {
    try expectRefusal(
      json(annotation("[70, 10, 10, 10]")), "annotation 1 has a box outside the image")
  }

  @Test func polygonOfTwoPoints() throws {
    try expectRefusal(
      json(annotation("[10, 10, 10, 10]", "[10, 10, 20, 20]")),
      "annotation 1 has an empty mask. Draw it again, a polygon with three corners or more")
  }

  @Test func imageNotInTheFile() throws {
    try expectRefusal(
      json(annotation("[10, 10, 10, 10]")), "no image has the id 12",
      arguments: ["--image-id", "12"])
  }

  @Test func unknownCategory() throws {
    try expectRefusal(
      json(annotation("[10, 10, 10, 10]")).replacing("1, \"name\"", with: "8, \"name\"")
        .replacing("\"category_id\": 1", with: "\"category_id\": 8"),
      "annotation 1 has the category 8, nucleus, which is no class of the model")
  }

  @Test func notJSON() throws { try expectRefusal("{", "this is not JSON") }

  @Test func neitherKind() throws {
    try expectRefusal("labels", "this is neither a PNG file nor COCO's JSON")
  }

  @Test("an image without objects has targets, losses and a page, and a line says so")
  func noObjects() throws {
    try withCopyOfTrace { trace in
      let file = trace.deletingLastPathComponent().appending(path: "empty.json")
      try json("").write(to: file, atomically: true, encoding: .utf8)
      let place = ["--trace", trace.path] + quick
      let targets = try run(
        "targets", ["--trace", trace.path, "--no-figures", "--truth", file.path])
      #expect(targets.code == 0 && targets.errorLines.count == 1, "\(targets.errors)")
      #expect(targets.output.contains("\nOpen "))
      #expect(targets.errors.contains("Warning: ") && targets.errors.contains("no objects"))
      let losses = try run("losses", place)
      #expect(losses.code == 0 && losses.output.contains("0 positive RoIs"), "\(losses.errors)")
    }
  }

  @Test("a truth that does not fit is told before any stage runs")
  func beforeTheStages() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let labels = fixturesFolder.appending(path: "images/nuclei-labels.png")
      let outcome = try run(
        "maskrcnn", [smallImage.path, "--trace", trace.path, "--truth", labels.path] + quick)
      #expect(outcome.code == 1 && outcome.errorLines.count == 1)
      #expect(outcome.errors.contains("the truth is of 512 x 512 image pixels"))
      #expect(!FileManager.default.fileExists(atPath: trace.path))
    }
  }
}
