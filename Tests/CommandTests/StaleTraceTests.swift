import Foundation
import TestFixtures
import Testing
import Tracing

/// A stage whose inputs have changed since it ran is stale, whatever command looks at it.
@Suite struct StaleTraceTests {
  @Test("after roi --aligned alone, every command reports the stages 5 and 6 as stale")
  func everywhere() throws {
    try withCopyOfTrace { trace in
      let quick = ["--no-figures", "--no-page"]
      let ran = try run("roi", ["--trace", trace.path, "--aligned"] + quick)
      #expect(ran.code == 0, "\(ran.errors)")
      let heads =
        "  5-heads, computed from an earlier 4-roi: refresh it with swift run -c release heads "
        + "--trace \(trace.path) --"
      let masks =
        "  6-masks, computed from an earlier 5-heads: refresh it with swift run -c release masks "
        + "--trace \(trace.path) --threshold 0.5"
      let diff = try run("maskrcnn", ["diff", smallTrace.path, trace.path, "--tolerance", "1e9"])
      #expect(diff.code == 1)
      #expect(diff.output.contains(/\n5-heads +labels .*stale\n/), "\(diff.output)")
      let inspect = try run("maskrcnn", ["inspect", trace.path])
      #expect(inspect.output.contains("\n  stale: computed from an earlier 4-roi\n"))
      for words in [ran.output, diff.output, inspect.output] {
        #expect(words.contains(heads) && words.contains(masks), "\(words)")
      }
      let page = try run(
        "maskrcnn", ["page", "--trace", trace.path, "--against", smallTrace.path])
      #expect(page.code == 0, "\(page.errors)")
      let html = try String(contentsOf: trace.appending(path: "index.html"), encoding: .utf8)
      #expect(html.matches(of: /<strong>stale<\/strong>/).count == 2)
      #expect(html.contains("5-heads, computed from an earlier 4-roi. Refresh it with <code>swift"))
      #expect(html.contains("This stage is stale: computed from an earlier 4-roi."))
      // What is not stale is not called so.
      #expect(!(try run("maskrcnn", ["inspect", smallTrace.path]).output.contains("stale")))
      #expect(html.matches(of: /This stage is stale/).count == 2)
    }
  }

  @Test("a stale stage is refreshed by the command that is printed, with the options it ran with")
  func refreshed() throws {
    try withCopyOfTrace { trace in
      let quick = ["--no-figures", "--no-page"]
      func quickly(_ stage: String, _ options: [String] = []) throws -> Outcome {
        let outcome = try run(stage, ["--trace", trace.path] + options + quick)
        return outcome
      }
      #expect(try quickly("roi", ["--operator", "pool"]).code == 0)
      #expect(try quickly("proposals", ["--pre-nms-top-n", "20"]).code == 0)
      // The stage that must run first, as it ran.
      let refused = try quickly("heads")
      #expect(refused.code == 1 && refused.errorLines.count == 1)
      #expect(
        refused.errors.contains(
          "Run the stage again: swift run -c release roi --trace \(trace.path) "
            + "--operator pool"), "\(refused.errors)")
      #expect(try quickly("roi", ["--operator", "pool"]).code == 0)
      #expect(try quickly("heads").code == 0)
      #expect(!(try quickly("masks").output.contains("stale")))
      #expect(try Trace.open(trace).staleStages().isEmpty)
    }
  }
}

/// Commands that read a trace beside the stages' own.
@Suite struct RefreshCommandTests {
  private let quick = ["--no-figures", "--no-page"]

  @Test(
    "a stale stage is refused with the command that refreshes it, with the options it ran with",
    arguments: [["roi", "sweep"], ["downstream"]])
  func stale(command: [String]) throws {
    try withCopyOfTrace { trace in
      func changed(_ stage: String, _ options: [String]) throws {
        let ran = try run(stage, ["--trace", trace.path] + options + quick)
        #expect(ran.code == 0, "\(ran.errors)")
      }
      func refusal() throws -> String {
        let outcome = try run("maskrcnn", command + ["--trace", trace.path])
        #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        return outcome.errors
      }
      let prefix = "swift run -c release"
      try changed("proposals", ["--nms-threshold", "0.5"])
      try changed("anchors", ["--tensors", "half"])
      let errors = try refusal()
      #expect(
        errors.contains("Run the stage again: \(prefix) proposals --trace \(trace.path) --"))
      #expect(errors.contains(" --nms-threshold 0.5 "), "\(errors)")
      // The one that is to run before it, where it is stale itself.
      try changed("input", ["--scale", "1"])
      #expect(try refusal().contains("\(prefix) backbone --trace \(trace.path)"))
    }
  }

  @Test(
    "a damaged tensor is refused with the command that makes it again, by whatever reads it",
    arguments: [
      ["inspect"], ["roi", "sweep", "--trace"], ["downstream", "--trace"], ["page", "--trace"],
      ["diff", smallTrace.path],
    ])
  func damaged(command: [String]) throws {
    try withCopyOfTrace { trace in
      let options = ["--min-size", "0.002"] + quick
      #expect(try run("proposals", ["--trace", trace.path] + options).code == 0)
      let file = trace.appending(path: "3-proposals/tensors/proposals.npy")
      func check(_ words: String) throws {
        let outcome = try run("maskrcnn", command + [trace.path])
        #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains("\(file.path): \(words)"), "\(outcome.errors)")
        #expect(
          outcome.errors.contains(
            "Run the stage again: swift run -c release proposals --trace \(trace.path) --"))
        #expect(outcome.errors.contains(" --min-size 0.002"), "\(outcome.errors)")
        #expect(outcome.output.isEmpty || command.contains("page"))
      }
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count - 3] ^= 1
      try bytes.write(to: file)
      try check("the file is not the one that the stage wrote")
      try FileManager.default.removeItem(at: file)
      try check("the file that the stage wrote is missing")
    }
  }

  @Test(
    "inspect reads every file of a trace",
    arguments: [
      "0-input/tensors/sizes.npy", "2-anchors/figures/objectness.png", "3-proposals/ledger.csv",
    ])
  func inspect(name: String) throws {
    try withCopyOfTrace { trace in
      let file = trace.appending(path: name)
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count - 3] ^= 1
      try bytes.write(to: file)
      let outcome = try run("maskrcnn", ["inspect", trace.path])
      #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(file.path) && outcome.output.isEmpty)
    }
  }

  @Test("a damaged record is told apart, with what makes it again")
  func records() throws {
    try withCopyOfTrace { trace in
      for (name, remedy) in [
        ("3-proposals/stage.json", "Run the stage again: swift run -c release proposals --trace"),
        ("trace.json", "Remove the folder and make the trace again: swift run -c release maskrcnn"),
      ] {
        try Data("{".utf8).write(to: trace.appending(path: name))
        let outcome = try run("maskrcnn", ["inspect", trace.path])
        #expect(outcome.code == 1 && outcome.errorLines.count == 1, "\(outcome.errors)")
        #expect(outcome.errors.contains(name) && outcome.errors.contains(remedy))
      }
    }
  }
}

/// Constructed differences, as `maskrcnn diff` prints them.
@Suite struct DiffTests {
  @Test("equal traces are called equal; a class that differs is counted, not divided by a range")
  func categories() throws {
    try withCopyOfTrace { trace in
      let equal = try run("maskrcnn", ["diff", smallTrace.path, trace.path, "--tolerance", "0"])
      #expect(equal.code == 0)
      #expect(equal.output.hasPrefix("All ") && equal.output.contains(" tensors are equal.\n"))
      let options = ["--threshold", "0.7", "--no-figures", "--no-page"]
      #expect(try run("masks", ["--trace", trace.path] + options).code == 0)
      let other = try run("maskrcnn", ["diff", smallTrace.path, trace.path])
      #expect(other.code == 1)
      let row = try #require(
        other.output.split(separator: "\n").first { $0.contains("label_map") })
      // Of 54 x 68 pixels, without a greatest difference.
      #expect(row.contains(/label_map +3672 +[0-9]+ +differs, [0-9.]+ % of the elements/), "\(row)")
    }
  }

  @Test("tensors that were not kept are counted, not called equal")
  func notKept() throws {
    try withTemporaryFolder { folder in
      let trace = folder.appending(path: "trace")
      let made = try run(
        "backbone",
        [smallImage.path, "--trace", trace.path, "--tensors", "none", "--no-figures", "--no-page"])
      #expect(made.code == 0, "\(made.errors)")
      let diff = try run("maskrcnn", ["diff", smallTrace.path, trace.path])
      #expect(diff.output.contains("not kept as a file"), "\(diff.output)")
      #expect(diff.output.contains(" more are in one trace alone or were not kept as files."))
    }
  }
}
