import Foundation
import TestFixtures
import Testing

/// `maskrcnn --detections`: one results file of several images.
@Suite struct JointDetectionsTests {
  private struct Result: Decodable, Equatable {
    var imageId: Int
    var categoryId: Int
    var score: Double
    var bbox: [Double]
  }

  private func results(_ file: URL) throws -> [Result] {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode([Result].self, from: Data(contentsOf: file))
  }

  /// A folder with two copies of the small image.
  private func withImages(_ names: [String], _ body: (URL) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let images = folder.appending(path: "images")
      try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
      for name in names {
        try FileManager.default.copyItem(at: smallImage, to: images.appending(path: name))
      }
      try body(folder)
    }
  }

  @Test("several images leave one file with what the trace of each holds, and no trace")
  func several() throws {
    try withImages(["5.png", "0012.png"]) { folder in
      let file = folder.appending(path: "all.json")
      let images = ["5.png", "0012.png"].map { folder.appending(path: "images/\($0)").path }
      let outcome = try run("maskrcnn", images + ["--detections", file.path])
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(contents(of: folder).keys.filter { !$0.hasPrefix("images") } == ["all.json"])
      let found = try results(file)
      let single = try results(smallTrace.appending(path: "6-masks/detections.json"))
      #expect(!single.isEmpty && found.count == 2 * single.count)
      for (id, part) in [(5, found.prefix(single.count)), (12, found.suffix(single.count))] {
        #expect(part.allSatisfy { $0.imageId == id })
        for (ours, theirs) in zip(part, single) {
          #expect(ours.categoryId == theirs.categoryId && ours.score == theirs.score)
          #expect(ours.bbox == theirs.bbox)
        }
      }
      #expect(outcome.output.contains("\(found.count) detections are in"))
    }
  }

  @Test("a folder means its images; names that are no numbers give places, from 1")
  func folder() throws {
    try withImages(["b.png", "a.png"]) { folder in
      let file = folder.appending(path: "all.json")
      try Data("x".utf8).write(to: folder.appending(path: "images/notes.txt"))
      let words = [folder.appending(path: "images").path, "--detections", file.path]
      #expect(try run("maskrcnn", words).code == 0)
      #expect(Set(try results(file).map(\.imageId)) == [1, 2])
      let pooled = folder.appending(path: "pool.json")
      let other = [words[0], "--detections", pooled.path, "--operator", "pool"]
      #expect(try run("maskrcnn", other).code == 0)
      #expect(try results(pooled) != results(file))
    }
  }

  @Test("what cannot be done is refused, and nothing is written")
  func refused() throws {
    try withImages(["1.png", "2.png"]) { folder in
      let images = folder.appending(path: "images")
      let both = ["1.png", "2.png"].map { images.appending(path: $0).path }
      let joint = try run("maskrcnn", both)
      #expect(joint.code == 64 && joint.errors.contains("--detections"))
      let output = folder.appending(path: "all.json").path
      try Data().write(to: images.appending(path: "3.png"))
      for (words, reason) in [
        (both + ["--detections", output, "--image-id", "3"], "--image-id"),
        (both + ["--detections", images.path], "a folder, not a file"),
        (["/no/such.png", "--detections", output], "no such file"),
        ([images.path, "--detections", output], "3.png"),
      ] {
        let outcome = try run("maskrcnn", words)
        #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: output))
      }
    }
  }
}
