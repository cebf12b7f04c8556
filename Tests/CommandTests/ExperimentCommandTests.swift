import Foundation
import TestFixtures
import Testing

@Suite struct ExperimentCommandTests {
  @Test("downstream prints a line per operator, and judges them only where a truth is known")
  func downstream() throws {
    let outcome = try run("maskrcnn", ["downstream", "--trace", smallTrace.path])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    for name in ["RoIAlign", "RoIPool", "RoIWarp"] {
      #expect(lines.contains { $0.hasPrefix(name) })
    }
    #expect(outcome.output.contains(" input pixels ("), "\(outcome.output)")
    #expect(!outcome.output.contains("Truth:") && outcome.output.contains("tables 2c and 2d"))

    let labels = fixturesFolder.appending(path: "images/nuclei-labels.png").path
    let refused = try run(
      "maskrcnn", ["downstream", "--trace", smallTrace.path, "--truth", labels])
    #expect(refused.code == 1 && refused.errorLines.count == 1)
    #expect(refused.errors.contains("the truth is of 512 x 512 image pixels"))
  }

  @Test("roi sweep writes a table and an image into the trace, and roi alone is what it was")
  func sweep() throws {
    try withCopyOfTrace { trace in
      for command in [("roi", ["sweep"]), ("maskrcnn", ["roi", "sweep"])] {
        let outcome = try run(command.0, command.1 + ["--trace", trace.path, "--bin", "2,4"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("bin 2,4"))
        let files = contents(of: trace.appending(path: "sweep"))
        #expect(files.keys.sorted() == ["sweep-x.csv", "sweep-x.png"])
        try FileManager.default.removeItem(at: trace.appending(path: "sweep"))
      }
      // Along the other axis: files of their own.
      for axis in ["x", "y"] {
        #expect(try run("roi", ["sweep", "--trace", trace.path, "--axis", axis]).code == 0)
      }
      #expect(contents(of: trace.appending(path: "sweep")).count == 4)
      let tables = try ["x", "y"].map {
        try Data(contentsOf: trace.appending(path: "sweep/sweep-\($0).csv"))
      }
      #expect(tables[0] != tables[1])
      #expect(try run("roi", ["--trace", trace.path, "--operator", "pool"]).code == 0)
      for wrong in [["--bin", "3"], ["--cells", "0"]] {
        #expect(try run("roi", ["sweep", "--trace", trace.path] + wrong).code == 64)
      }
      let refused = try run("roi", ["sweep", "--trace", trace.path, "--bin", "7,7"])
      #expect(refused.code == 1 && refused.errorLines.count == 1)
    }
  }

  @Test("break makes a broken trace beside the right one and says where it begins")
  func mistake() throws {
    try withTemporaryFolder { folder in
      let broken = folder.appending(path: "half-pixel")
      let common = ["--trace", smallTrace.path, "--into", broken.path, "--no-figures"]
      let outcome = try run("maskrcnn", ["break", "--mistake", "half-pixel"] + common)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("The first stage that differs is 4-roi"))
      #expect(contents(of: broken).keys.contains("6-masks/stage.json"))
      // Other settings in one of the traces: the first difference is another, and an error.
      let other = try run(
        "maskrcnn", ["break", "--mistake", "half-pixel", "--set", "norm_eps=0.1"] + common)
      #expect(other.code == 1 && other.errorLines.count == 1)
      #expect(other.errors.contains("is 1-backbone, but the mistake was made in 4-roi"))

      let onItself = ["--trace", smallTrace.path, "--into", smallTrace.path]
      #expect(try run("maskrcnn", ["break", "--mistake", "half-pixel"] + onItself).code == 1)
    }
  }

  @Test("break makes the right trace too where there is none of the image")
  func rightTrace() throws {
    try withTemporaryFolder { folder in
      let coloured = fixturesFolder.appending(path: "golden/resnet50_fpn_v1/image.png").path
      let grey = fixturesFolder.appending(path: "images/coins.png").path
      func breaking(_ image: String) throws -> Outcome {
        try run(
          "maskrcnn",
          [
            "break", "--mistake", "bgr", image, "--trace", folder.appending(path: "none").path,
            "--into", folder.appending(path: "bgr").path, "--no-figures",
          ])
      }
      let refused = try breaking(grey)
      #expect(refused.code == 1 && refused.errors.contains("the image is grey"))
      #expect(contents(of: folder).isEmpty)
      for isFirst in [true, false] {
        let outcome = try breaking(coloured)
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("Making the right one in") == isFirst)
        #expect(outcome.output.contains("The first stage that differs is 0-input"))
        #expect(contents(of: folder).keys.contains("right-image/6-masks/stage.json"))
      }
    }
  }
}
