import Foundation
import TestFixtures
import Testing
import Tracing

@Suite struct PipelineTests {
  private let stages = ["input", "backbone", "anchors", "proposals", "roi", "heads", "masks"]
  private let folders = [
    "0-input", "1-backbone", "2-anchors", "3-proposals", "4-roi", "5-heads", "6-masks",
  ]

  @Test("all stages leave a folder, each with tensors and a record")
  func whole() throws {
    for folder in folders {
      let names = contents(of: smallTrace.appending(path: folder)).keys
      #expect(names.contains("stage.json"))
      #expect(names.contains { $0.hasSuffix(".npy") })
      #expect(names.contains { $0.hasSuffix(".png") })
    }
  }

  @Test("each stage alone, in a trace made before, computes the same bits")
  func alone() throws {
    try withCopyOfTrace { trace in
      for stage in stages {
        let outcome = try run(stage, ["--trace", trace.path])
        #expect(outcome.code == 0, "\(stage): \(outcome.errors)")
      }
      let comparison = try run(
        "maskrcnn", ["diff", smallTrace.path, trace.path, "--tolerance", "0"])
      #expect(comparison.code == 0, "\(comparison.output)")
    }
  }

  @Test("a stage refuses to read what was made from an earlier run of another")
  func outdated() throws {
    try withCopyOfTrace { trace in
      #expect(try run("proposals", ["--trace", trace.path, "--pre-nms-top-n", "20"]).code == 0)
      let refused = try run("heads", ["--trace", trace.path])
      #expect(refused.code == 1)
      #expect(refused.errors.contains("4-roi: a stage before this one has been run again since"))
      #expect(refused.errors.contains("roi --trace"))
      #expect(try run("roi", ["--trace", trace.path]).code == 0)
      #expect(try run("heads", ["--trace", trace.path]).code == 0)
    }
  }

  @Test("a trace remembers the settings that took the place of the weight file's")
  func settings() throws {
    try withCopyOfTrace { trace in
      func sizes() throws -> OptionValue? {
        try Trace.open(trace).stage("2-anchors").record.options["anchorSizes"]
      }
      let usual = try sizes()
      let given = ["--trace", trace.path, "--set", "anchors.sizes=[8,16,32,64,128]"]
      #expect(try run("anchors", given).output.contains("anchors.sizes=[8,16,32,64,128]"))
      #expect(try sizes() == .numbers([8, 16, 32, 64, 128]))
      // Without naming it again, and with another setting beside it.
      #expect(try run("anchors", ["--trace", trace.path]).code == 0)
      #expect(try sizes() == .numbers([8, 16, 32, 64, 128]))
      #expect(try run("anchors", ["--trace", trace.path, "--set", "norm_eps=0"]).code == 0)
      #expect(try sizes() == .numbers([8, 16, 32, 64, 128]))
      // Who names the weights means these alone.
      let weights = try #require(try Trace.open(trace).weights)
      let named = ["--trace", trace.path, "--weights", weights.path]
      #expect(try run("anchors", named).code == 0)
      #expect(try sizes() == usual)
    }
  }

  @Test("the number of threads changes no bit of a trace", arguments: ["1", "2", "3", "4", "8"])
  func threads(_ count: String) throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let made = try run(
        "maskrcnn",
        [smallImage.path, "--trace", trace.path, "--threads", count, "--no-figures"])
      #expect(made.code == 0, "\(made.errors)")
      for stage in folders {
        // Names, shapes, statistics and the checksum of every file.
        let (ours, theirs) = (
          try tensors(of: stage, in: smallTrace), try tensors(of: stage, in: trace)
        )
        #expect(!ours.isEmpty && ours.allSatisfy { $0.crc32 != nil })
        #expect(ours == theirs, "\(stage)")
        // And that the files are what the record says.
        for tensor in ours {
          let file = "\(stage)/\(try #require(tensor.file))"
          let isSame = FileManager.default.contentsEqual(
            atPath: smallTrace.appending(path: file).path, andPath: trace.appending(path: file).path
          )
          #expect(isSame, "\(file)")
        }
      }
    }
  }

  @Test("the definitions give the trace of the fast forms, not bit for bit, and are recorded")
  func plainKernels() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let made = try run(
        "maskrcnn",
        [smallImage.path, "--trace", trace.path, "--kernels", "plain", "--no-figures"])
      #expect(made.code == 0, "\(made.errors)")
      let comparison = try run("maskrcnn", ["diff", smallTrace.path, trace.path])
      #expect(comparison.code == 0, "\(comparison.output)")
      // Sums in another order have other last bits: without them, the fast forms would have run.
      let strict = try run("maskrcnn", ["diff", smallTrace.path, trace.path, "--tolerance", "0"])
      #expect(strict.code == 1)
      #expect(strict.output.hasPrefix("The first stage that differs is 1-backbone."))
      for stage in folders {
        #expect(try record(of: stage, in: trace).options["kernels"] == .text("plain"))
        #expect(try record(of: stage, in: smallTrace).options["kernels"] == .text("fast"))
      }
    }
  }

  private func record(of stage: String, in trace: URL) throws -> StageRecord {
    let file = trace.appending(path: stage).appending(path: "stage.json")
    return try JSONDecoder().decode(StageRecord.self, from: Data(contentsOf: file))
  }

  private func tensors(of stage: String, in trace: URL) throws -> [TensorRecord] {
    try record(of: stage, in: trace).tensors
  }

  @Test("the same image gives the same bytes, images included")
  func deterministic() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let made = try run("maskrcnn", [smallImage.path, "--trace", trace.path])
      #expect(made.code == 0)
      for name in contents(of: smallTrace).keys where name.hasSuffix(".png") {
        #expect(
          FileManager.default.contentsEqual(
            atPath: smallTrace.appending(path: name).path, andPath: trace.appending(path: name).path
          ),
          "\(name)")
      }
    }
  }

  @Test("a stage that is given an image runs the earlier stages first, and says so")
  func imageForAStage() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let outcome = try run(
        "proposals", [smallImage.path, "--trace", trace.path, "--no-figures"])
      #expect(outcome.code == 0)
      #expect(outcome.output.contains("Running the stages 0 to 2"))
      #expect(contents(of: trace).keys.contains("3-proposals/stage.json"))
      #expect(!contents(of: trace).keys.contains("4-roi"))
    }
  }

  @Test("an image does not take the place of a trace's own, unless it is told to")
  func restart() throws {
    try withCopyOfTrace { trace in
      let other = fixturesFolder.appending(path: "images/nuclei.png")
      let before = contents(of: trace)
      let words = [other.path, "--trace", trace.path, "--no-figures", "--no-page"]
      let refused = try run("anchors", words)
      #expect(refused.code == 1 && refused.errorLines.count == 1)
      #expect(refused.errors.contains("--restart"), "\(refused.errors)")
      #expect(refused.errors.contains("would take the place of its image, image.png"))
      #expect(contents(of: trace) == before)
      let told = try run("anchors", words + ["--restart"])
      #expect(told.code == 0, "\(told.errors)")
      #expect(try Trace.open(trace).image?.lastPathComponent == "nuclei.png")
      #expect(try Trace.open(trace).outdatedStages() == Array(folders[3...]))
    }
  }

  @Test("where no figures are drawn, none are to be looked at")
  func noFigures() throws {
    try withCopyOfTrace { trace in
      let without = try run("masks", ["--trace", trace.path, "--no-figures"])
      #expect(without.code == 0)
      #expect(!without.output.contains("figures/"), "\(without.output)")
      #expect(without.output.contains("Open "))
      let with = try run("masks", ["--trace", trace.path])
      #expect(with.output.contains("Look at \(trace.path)/*/figures/*.png"))
    }
  }

  @Test("the page's commands name the image with its folder, and repeat a mistake")
  func pageCommands() throws {
    try withTemporaryFolder { folder in
      func command(_ trace: URL) throws -> String {
        let html = try String(contentsOf: trace.appending(path: "index.html"), encoding: .utf8)
        let all = html.matches(of: /<code class="command">(.*?)<\/code>/).map { $0.output.1 }
        return all.map { $0.replacing(/<.*?>/, with: "") }.joined(separator: "\n")
      }
      // Nothing in common with the trace's folder: the name alone, no path of this machine.
      #expect(
        try command(smallTrace).contains("maskrcnn \(smallImage.lastPathComponent) --trace"))
      let image = folder.appending(path: "images/7.png")
      try FileManager.default.createDirectory(
        at: image.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: smallImage, to: image)
      let right = folder.appending(path: "right")
      #expect(try run("maskrcnn", [image.path, "--trace", right.path, "--no-figures"]).code == 0)
      #expect(try command(right).contains("maskrcnn images/7.png --trace right"))
      #expect(try command(right).contains("roi --trace right --operator align"))
      #expect(try command(right).contains("masks --trace right --threshold 0.5 --image-id 7"))

      let broken = folder.appending(path: "broken")
      let made = try run(
        "maskrcnn",
        [
          "break", "--mistake", "half-pixel", "--trace", right.path, "--into", broken.path,
          "--no-figures",
        ])
      #expect(made.code == 0, "\(made.errors)")
      #expect(!made.output.contains("Look at:"))
      let words = try command(broken)
      #expect(
        words.contains("maskrcnn break --mistake half-pixel images/7.png --into broken"),
        "\(words)")
      #expect(!words.contains("roi --trace broken") && !words.contains("7.png --trace broken"))
      #expect(words.contains("heads --trace broken"))
    }
  }

  @Test("results have the number that the image's file is called, or that the option gives")
  func imageID() throws {
    try withTemporaryFolder { folder in
      let image = folder.appending(path: "000000000139.png")
      try FileManager.default.copyItem(at: smallImage, to: image)
      let trace = folder.appending(path: "trace")
      func ids() throws -> Set<Int> {
        let file = trace.appending(path: "6-masks/detections.json")
        let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        return Set(try #require(json as? [[String: Any]]).compactMap { $0["image_id"] as? Int })
      }
      let quick = ["--trace", trace.path, "--no-figures", "--no-page"]
      #expect(try run("maskrcnn", [image.path] + quick).code == 0)
      #expect(try ids() == [139])
      #expect(try run("masks", quick + ["--image-id", "42"]).code == 0)
      #expect(try ids() == [42])
      #expect(try run("masks", quick).code == 0)
      #expect(try ids() == [139])
    }
  }

  @Test("results have the numbers that the settings give the classes")
  func categoryIDs() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let made = try run(
        "maskrcnn",
        [
          smallImage.path, "--trace", trace.path, "--no-figures", "--no-page", "--set",
          "category_ids=[0,17,90,3]",
        ])
      #expect(made.code == 0, "\(made.errors)")
      let json = try JSONSerialization.jsonObject(
        with: Data(contentsOf: trace.appending(path: "6-masks/detections.json")))
      let ids = try #require(json as? [[String: Any]]).map { $0["category_id"] as? Int ?? -1 }
      let labels = try Trace.open(trace).stage("5-heads").integers("labels")
      #expect(!ids.isEmpty && ids == labels.map { [0, 17, 90, 3][$0] })
    }
  }

  @Test("RoIPool, RoIWarp and RoIAlign on the same proposals differ first in stage 4")
  func operators() throws {
    for name in ["pool", "warp"] {
      try withCopyOfTrace { trace in
        #expect(try run("roi", ["--trace", trace.path, "--operator", name]).code == 0)
        let comparison = try run("maskrcnn", ["diff", smallTrace.path, trace.path])
        #expect(comparison.code == 1)
        #expect(comparison.output.hasPrefix("The first stage that differs is 4-roi."))
      }
    }
  }

  @Test("weights are told apart by content, not by name")
  func otherWeights() throws {
    let bundled = fixturesFolder.appending(path: "weights/nuclei.safetensors")
    try withCopyOfTrace { trace in
      let folder = trace.deletingLastPathComponent()
      let renamed = folder.appending(path: "renamed.safetensors")
      try FileManager.default.copyItem(at: bundled, to: renamed)
      let same = try run(
        "heads", ["--trace", trace.path, "--weights", renamed.path, "--no-page", "--no-figures"])
      #expect(same.code == 0, "\(same.errors)")
      #expect(!same.output.contains("different weights"), "\(same.output)")
      let (ours, theirs) = try (
        record(of: "1-backbone", in: trace).options, record(of: "5-heads", in: trace).options
      )
      #expect(theirs["weights"] == .text("renamed.safetensors"))
      #expect(ours["weightsChecksum"] != nil)
      for stage in ["2-anchors", "5-heads"] {
        #expect(
          try record(of: stage, in: trace).options["weightsChecksum"] == ours["weightsChecksum"])
      }

      var bytes = try Data(contentsOf: bundled)
      bytes[bytes.count - 2] ^= 1  // The last bit of the last half float.
      let retrained = folder.appending(path: bundled.lastPathComponent)
      try bytes.write(to: retrained)
      let other = try run(
        "heads", ["--trace", trace.path, "--weights", retrained.path, "--no-page", "--no-figures"])
      #expect(other.code == 0, "\(other.errors)")
      let warning = "Made with different weights: 1-backbone with nuclei.safetensors (crc32 "
      #expect(other.output.contains(warning), "\(other.output)")
      let refused = try run("maskrcnn", ["downstream", "--trace", trace.path])
      let kept = try run(
        "maskrcnn", ["downstream", "--trace", trace.path, "--weights", bundled.path])
      #expect(refused.code == 1)
      #expect(refused.errors.contains("the trace was made with other weights, nuclei.safetensors"))
      #expect(kept.code == 0, "\(kept.errors)")
    }
  }

  @Test("half floats: a later stage runs on them")
  func halfTensors() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace").path
      let made = try run(
        "backbone", [smallImage.path, "--trace", trace, "--tensors", "half"])
      let next = try run("anchors", ["--trace", trace])
      #expect(made.code == 0 && next.code == 0, "\(made.errors) \(next.errors)")
    }
  }

  @Test("inspect tells of weights, arrays, images and traces")
  func inspect() throws {
    func words(_ path: String) throws -> String {
      let outcome = try run("maskrcnn", ["inspect", path])
      #expect(outcome.code == 0, "\(outcome.errors)")
      return outcome.output
    }
    let weights = fixturesFolder.appending(path: "weights/nuclei.safetensors").path
    #expect(try words(weights).contains("ResNet-18"))
    #expect(try words(smallImage.path).contains("PNG"))
    #expect(try words(smallTrace.path).contains("4-roi"))
    #expect(
      try words(smallTrace.appending(path: "1-backbone/tensors/P2.npy").path).contains("float32"))
  }

  @Test("inspect --statistics describes every layer of weights and every map of a trace")
  func statistics() throws {
    try withTemporaryFolder { folder in
      let figure = folder.appending(path: "figure.png")
      let weights = try run(
        "maskrcnn",
        [
          "inspect", fixturesFolder.appending(path: "weights/shapes.safetensors").path,
          "--statistics", "--figure", figure.path,
        ])
      #expect(weights.code == 0 && weights.errors.isEmpty, "\(weights.errors)")
      let stem = weights.output.split(separator: "\n").first { $0.contains("body.conv1.weight") }
      #expect(stem?.contains("[16, 3, 7, 7]") == true && stem?.hasSuffix("0 of 16") == true)
      #expect(stem?.contains("█") == true)
      #expect(try Data(contentsOf: figure).starts(with: [0x89, 0x50, 0x4e, 0x47]))
      let trace = try run("maskrcnn", ["inspect", smallTrace.path, "--statistics"])
      #expect(trace.code == 0 && trace.output.contains("1-backbone/P2"))
      #expect(trace.output.contains("5-heads/mask_logits"))
      for (arguments, word) in [
        (["--figure", figure.path], "--statistics"),
        (["--statistics", "--figure", folder.path], "--figure"),
      ] {
        let wrong = try run("maskrcnn", ["inspect", smallTrace.path] + arguments)
        #expect(wrong.code != 0 && wrong.errors.contains(word))
      }
    }
  }

  @Test("inspect and diff say what is wrong with what they are given")
  func faults() throws {
    #expect(try run("maskrcnn", ["inspect", "/no/such/file"]).code == 1)
    #expect(try run("maskrcnn", ["diff", smallTrace.path, "/no/such/trace"]).code == 1)
    #expect(try run("maskrcnn", ["roi", "--sampling-ratio", "99"]).code == 64)
    #expect(try run("maskrcnn", ["roi", "--kernels", "slow"]).code == 64)
  }
}
