import Foundation
import Tensors
import TestFixtures
import Testing
import Tracing

/// A stage that leaves one float tensor, one integer tensor and a file, and may fail half way.
private struct Doubling: Stage {
  static let name = "1-doubling"
  static let title = "Twice what it was given."
  var values: [Float] = [1, 2, 3]
  var fails = false
  var recordedFacts: [String: OptionValue] {
    ["factor": .number(2), "names": .texts(["a", "b"])]
  }

  func run(_ folder: StageWriter) throws {
    try folder.add(
      "doubled", Tensor([values.count], values.map { 2 * $0 }), axes: ["N"], units: "1", note: "")
    if fails { throw Fault("the stage", "it failed", remedy: "Do nothing") }
    try folder.add(
      "count", integers: [values.count], kind: .quantity, axes: ["N"], units: "1", note: "")
    try folder.addFile("table.csv", Array("a\n1\n".utf8), caption: "A table")
  }
}

/// A stage that reads the other.
private struct Adding: Stage {
  static let name = "2-adding"
  static let title = "The sum."

  func run(_ folder: StageWriter) throws {
    let total = try folder.read(Doubling.name).tensor("doubled").values.reduce(0, +)
    try folder.add("sum", Tensor([1], [total]), axes: ["N"], units: "1", note: "")
  }
}

@Suite struct TraceTests {
  @Test("what a stage leaves is read back by another process")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      try Doubling().run(in: Trace.openOrBegin(folder))
      let trace = try Trace.open(folder)
      let stage = try trace.stage(Doubling.name)
      #expect(try stage.tensor("doubled").values == [2, 4, 6])
      #expect(try stage.integers("count") == [3])
      #expect(stage.record.options["names"] == .texts(["a", "b"]))
      #expect(stage.record.tensors[0].mean == 4)
      #expect(trace.record.stages == [Doubling.name])
      let sum = try Adding().run(in: trace)
      #expect(try sum.tensor("sum").values == [12])
      #expect(sum.record.reads == [Doubling.name: stage.checksum])
    }
  }

  @Test("a stage made from an earlier run of another is stale")
  func stale() throws {
    try withTemporaryFolder { folder in
      let trace = try Trace.openOrBegin(folder)
      try Doubling().run(in: trace)
      try Adding().run(in: trace)
      #expect(try trace.staleStages().isEmpty)
      try Doubling(values: [5]).run(in: trace)
      #expect(
        try trace.staleStages()
          == [StaleStage(stage: Adding.name, changed: [Doubling.name])])
      let fault = #expect(throws: Fault.self) { try trace.current(Adding.name) }
      #expect(fault?.description.contains("swift run -c release adding --trace") == true)
      try Adding().run(in: trace)
      #expect(try trace.staleStages().isEmpty)
    }
  }

  @Test("a stage that fails removes the folders that it made, and no others")
  func foldersThatStay() throws {
    try withTemporaryFolder { folder in
      let files = FileManager.default
      let own = folder.appending(path: "own")
      try files.createDirectory(at: own, withIntermediateDirectories: false)
      for place in ["own", "made/deep", "own/made"] {
        #expect(throws: Fault.self) {
          try Doubling(fails: true).run(in: Trace.openOrBegin(folder.appending(path: place)))
        }
      }
      #expect(try files.contentsOfDirectory(atPath: folder.path) == ["own"])
      #expect(try files.contentsOfDirectory(atPath: own.path).isEmpty)
    }
  }

  @Test("a stage that fails leaves the earlier run as it was, and nothing else")
  func wholeOrNotAtAll() throws {
    try withTemporaryFolder { folder in
      let trace = try Trace.openOrBegin(folder)
      try Doubling().run(in: trace)
      #expect(throws: Fault.self) { try Doubling(values: [9], fails: true).run(in: trace) }
      #expect(try Trace.open(folder).stage(Doubling.name).tensor("doubled").values == [2, 4, 6])
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(left == [Doubling.name, "trace.json"])
    }
  }

  @Test("half floats are kept as half floats, and nothing large where nothing is to be kept")
  func keeping() throws {
    try withTemporaryFolder { folder in
      let stage = Doubling(values: [1.0001])
      try stage.run(in: Trace.openOrBegin(folder), keeping: .half)
      let kept = try Trace.open(folder).stage(Doubling.name)
      #expect(kept.record.tensors[0].dtype == "float16")
      #expect(try kept.tensor("doubled").values == [2])
      let large = Doubling(values: [Float](repeating: 1, count: StageWriter.smallTensor + 1))
      try large.run(in: Trace.open(folder), keeping: .none)
      let emptied = try Trace.open(folder).stage(Doubling.name)
      #expect(try emptied.integers("count") == [StageWriter.smallTensor + 1])
      #expect(throws: Fault.self) { try emptied.tensor("doubled") }
    }
  }

  @Test("a tensor that was edited is refused by its checksum")
  func editedTensor() throws {
    try withTemporaryFolder { folder in
      try Doubling().run(in: Trace.openOrBegin(folder))
      let file = folder.appending(path: "\(Doubling.name)/tensors/doubled.npy")
      var bytes = [UInt8](try Data(contentsOf: file))
      bytes[bytes.count - 1] ^= 1
      try Data(bytes).write(to: file)
      let stage = try Trace.open(folder).stage(Doubling.name)
      let fault = #expect(throws: Fault.self) { try stage.tensor("doubled") }
      #expect(fault?.description.contains("doubled.npy") == true)
    }
  }

  @Test("a stage that has not run is named, with the command that runs it")
  func missingStage() throws {
    try withTemporaryFolder { folder in
      let place = folder.appending(path: "trace")
      do {
        let trace = try Trace.openOrBegin(place)
        let fault = #expect(throws: Fault.self) { try Adding().run(in: trace) }
        #expect(fault?.description.contains("swift run -c release doubling") == true)
      }
      // The folder that was made to hold the lock goes with it.
      #expect(!FileManager.default.fileExists(atPath: place.path))
    }
  }

  @Test("drafts of runs that were killed are removed, and what they had put aside is put back")
  func abandoned() throws {
    try withTemporaryFolder { folder in
      let trace = try Trace.openOrBegin(folder)
      try Doubling().run(in: trace)
      let files = FileManager.default
      // No process has this number: Linux counts to 4194304, macOS to 99999.
      let draft = folder.appending(path: ".\(Doubling.name).draft-99999999")
      try files.createDirectory(at: draft, withIntermediateDirectories: true)
      try files.moveItem(
        at: folder.appending(path: Doubling.name),
        to: folder.appending(path: ".\(Doubling.name).old-99999999"))
      let failing = Doubling(fails: true)
      #expect(throws: Fault.self) { try failing.run(in: Trace.open(folder)) }
      let left = try files.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(left == [Doubling.name, "trace.json"])
    }
  }

  @Test("a copy of a stage that somebody keeps in the trace is left alone")
  func copyOfAStage() throws {
    try withTemporaryFolder { folder in
      let trace = try Trace.openOrBegin(folder)
      try Doubling().run(in: trace)
      try FileManager.default.copyItem(
        at: folder.appending(path: Doubling.name), to: folder.appending(path: "1-doubling-old"))
      #expect(trace.stages == [Doubling.name])
      #expect(try trace.staleStages().isEmpty)
    }
  }

  @Test("a trace that is reached by a link finds its image")
  func linked() throws {
    try withTemporaryFolder { folder in
      let real = folder.appending(path: "deep/down/trace")
      let trace = try Trace.openOrBegin(real)
      trace.setImage(folder.appending(path: "photo.png"))
      try Doubling().run(in: trace)
      let link = folder.appending(path: "link")
      try FileManager.default.createSymbolicLink(at: link, withDestinationURL: real)
      let expected = folder.resolvingSymlinksInPath().appending(path: "photo.png").path
      #expect(try Trace.open(link).image?.path == expected)
    }
  }

  @Test("a folder with other things in it is not taken for a trace")
  func otherFolder() throws {
    try withTemporaryFolder { folder in
      try Data().write(to: folder.appending(path: "holiday.txt"))
      #expect(throws: Fault.self) { try Trace.openOrBegin(folder) }
      #expect(throws: Fault.self) { try Trace.open(folder) }
    }
  }

  @Test(
    "records that are damaged are refused",
    arguments: [
      "", "{", "[]", "{\"format\": 99, \"version\": \"\", \"stages\": []}", "{\"format\": 1}",
    ])
  func damagedRecord(_ text: String) throws {
    try withTemporaryFolder { folder in
      try Data(text.utf8).write(to: folder.appending(path: "trace.json"))
      #expect(throws: Fault.self) { try Trace.open(folder) }
    }
  }

  @Test("a trace of another format is refused with the command that makes it again")
  func olderFormat() throws {
    try withTemporaryFolder { folder in
      let record = #"{"format": 1, "picture": "../my photo.png", "version": "0", "stages": []}"#
      try Data(record.utf8).write(to: folder.appending(path: "trace.json"))
      let fault = #expect(throws: Fault.self) { try Trace.open(folder) }
      let photo = folder.deletingLastPathComponent().resolvingSymlinksInPath()
        .appending(path: "my photo.png").path
      #expect(
        fault?.remedy.hasSuffix(
          "swift run -c release maskrcnn '\(photo)' --trace \(folder.relativePath)") == true,
        "\(fault?.remedy ?? "")")
    }
  }

  @Test("a trace notes where the truth is stored, until it is of another image")
  func truth() throws {
    try withTemporaryFolder { folder in
      let trace = try Trace.openOrBegin(folder.appending(path: "trace"))
      trace.setImage(folder.appending(path: "a.png"))
      trace.setTruth(folder.appending(path: "truth.json"), imageID: 7, label: "disc")
      try Doubling().run(in: trace)
      let found = try #require(try Trace.open(trace.folder).truth)
      #expect(found.file.lastPathComponent == "truth.json")
      #expect(found.imageID == 7 && found.label == "disc")
      trace.setImage(folder.appending(path: "a.png"))
      #expect(trace.truth != nil)
      trace.setImage(folder.appending(path: "b.png"))
      #expect(trace.truth == nil)
    }
  }

  @Test("an image beside the trace is found again after both have moved")
  func relativePaths() throws {
    try withTemporaryFolder { folder in
      let old = folder.appending(path: "old/place")
      let trace = try Trace.openOrBegin(old.appending(path: "trace"))
      trace.setImage(old.appending(path: "photo.png"))
      try Doubling().run(in: trace)
      #expect(trace.record.image == "../photo.png")
      let new = folder.appending(path: "new")
      try FileManager.default.moveItem(at: old, to: new)
      let moved = try Trace.open(new.appending(path: "trace"))
      #expect(moved.image?.path == new.appending(path: "photo.png").standardizedFileURL.path)
    }
  }
}
