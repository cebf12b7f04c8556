import Foundation
import Tensors
import TestFixtures
import Testing
import WeightFiles

/// `bench` with the bundled weights and a small image: what it prints, not how fast it is.
@Suite struct BenchTests {
  private let small = [
    smallImage.path, "--weights",
    fixturesFolder.appending(path: "weights/nuclei.safetensors").path,
  ]

  /// Runs `bench --serve` with some lines on standard input.
  private func serve(_ lines: [String]) throws -> Outcome {
    try withTemporaryFolder { folder in
      let input = folder.appending(path: "jobs")
      try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: input)
      return try run("bench", small + ["--serve"], input: input)
    }
  }

  @Test("--serve answers each job with the seconds it took, and GFLOPS where they are counted")
  func serves() throws {
    let outcome = try serve(["whole", "pyramid", "nms", "", "product", "whole"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.errors.isEmpty)
    let answers = outcome.output.split(separator: "\n").map { line in
      line.split(separator: " ").map { Double($0) ?? -1 }
    }
    #expect(answers.map(\.count) == [1, 1, 1, 2, 1])
    #expect(answers.joined().allSatisfy { $0 > 0 && $0.isFinite }, "\(outcome.output)")
  }

  @Test("--serve writes what the whole model found: the detections that stage 6 leaves in a trace")
  func servesOutputs() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "found.safetensors")
      let outcome = try serve(["whole \(file.path)"])
      #expect(outcome.code == 0, "\(outcome.errors)")
      let found = try WeightFile.read(file).tensors
      let masks = smallTrace.appending(path: "6-masks/tensors")
      let expected = try NPY.read(masks.appending(path: "boxes.npy")).tensor
      let boxes = try #require(found["boxes"])
      #expect(boxes == expected)
      #expect(found["scores"]?.shape == [boxes.shape[0]])
      #expect(found["masks"]?.shape.rank == 3)
    }
  }

  @Test("--serve names the jobs there are where a line asks for another")
  func servesNothingElse() throws {
    let outcome = try serve(["lunch"])
    #expect(outcome.code == 1)
    #expect(outcome.errorLines.count == 1)
    #expect(outcome.errors.contains("no job lunch") && outcome.errors.contains("roialign"))
  }

  @Test("--json is JSON, with a positive time for every part")
  func json() throws {
    let outcome = try run("bench", small + ["--json", "--runs", "1"])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let stages = try #require(report["stages"] as? [[String: Any]])
    #expect(stages.count == 11)
    for stage in stages {
      let seconds = try #require(stage["seconds"] as? [Double])
      #expect(seconds.count == 1 && seconds.allSatisfy { $0 > 0 })
    }
  }

  @Test(
    "options that do not fit each other are refused before anything is measured",
    arguments: [
      (["--plot", "a.png"], "--scaling"), (["--scaling", "--layers"], "--layers"),
      (["--scaling", "--runs", "0"], "--runs"), (["--serve", "--json"], "--serve"),
      (["--serve", "--scaling"], "--serve"),
    ])
  func options(_ options: [String], word: String) throws {
    let outcome = try run("bench", options)
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains(word), "\(outcome.errors)")
  }

  @Test("--scaling asks for a file that can be written before it measures for a minute")
  func plot() throws {
    for path in ["/no/such/folder/a.png", fixturesFolder.path] {
      let outcome = try run("bench", ["--scaling", "--plot", path])
      #expect(outcome.code == 1)
      #expect(outcome.errorLines.count == 1)
      #expect(outcome.errors.contains(path) && outcome.errors.contains("--plot"))
    }
  }
}
