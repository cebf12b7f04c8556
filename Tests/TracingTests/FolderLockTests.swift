import Foundation
import Tensors
import TestFixtures
import Testing

@testable import Tracing

/// A stage that leaves one number.
private struct Numbering: Stage {
  static let name = "1-numbering"
  static let title = "A number."
  var value: Float = 1

  func run(_ folder: StageWriter) throws {
    try folder.add("number", Tensor([1], [value]), axes: ["N"], units: "1", note: "")
  }
}

@Suite("One process writes to a trace at a time, and whatever ends it leaves a trace")
struct FolderLockTests {
  /// What another process has when it writes to a folder: its lock, until `close`.
  private func lockOfAnother(_ folder: URL) throws -> Int32 {
    let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY)
    try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
    return descriptor
  }

  @Test("a second writer is refused, until the first one has ended")
  func twoWriters() throws {
    try withTemporaryFolder { folder in
      let other = try lockOfAnother(folder)
      let fault = #expect(throws: Fault.self) {
        try Numbering().run(in: Trace.openOrBegin(folder))
      }
      #expect(fault?.description.contains("another run is writing to this folder") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
      close(other)
      try Numbering().run(in: Trace.openOrBegin(folder))
    }
  }

  @Test("a writer that opened a trace before another wrote to it is refused")
  func writtenMeanwhile() throws {
    try withTemporaryFolder { folder in
      let early = try Trace.openOrBegin(folder)
      try Numbering().run(in: Trace.openOrBegin(folder))
      let fault = #expect(throws: Fault.self) { try Numbering(value: 2).run(in: early) }
      #expect(fault?.description.contains("has written to this folder meanwhile") == true)
      #expect(
        try Trace.open(folder).stage(Numbering.name).tensor("number").values == [1])
    }
  }

  @Test("what killed runs have left is removed, whatever the number of their process was")
  func abandoned() throws {
    try withTemporaryFolder { folder in
      let files = FileManager.default
      try Numbering().run(in: Trace.openOrBegin(folder))
      let own = ProcessInfo.processInfo.processIdentifier
      for name in [".1-numbering.draft-1", ".1-numbering.draft-\(own)", ".1-numbering.old-1"] {
        try files.createDirectory(
          at: folder.appending(path: name), withIntermediateDirectories: false)
        try Data("x".utf8).write(to: folder.appending(path: "\(name)/foreign"))
      }
      try Data("x".utf8).write(to: folder.appending(path: ".part-1f"))
      try Numbering(value: 3).run(in: Trace.open(folder))
      let left = try files.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(left == [Numbering.name, "trace.json"])
      #expect(try Trace.open(folder).stage(Numbering.name).tensor("number").values == [3])
    }
  }

  @Test("an earlier folder that was to be replaced is put back where it is the only one")
  func putBack() throws {
    try withTemporaryFolder { folder in
      try Numbering().run(in: Trace.openOrBegin(folder))
      let place = folder.appending(path: Numbering.name)
      try FileManager.default.moveItem(
        at: place, to: folder.appending(path: ".1-numbering.old-1"))
      _ = try Trace.open(folder).lockForWriting()
      #expect(try Trace.open(folder).stage(Numbering.name).tensor("number").values == [1])
    }
  }

  @Test("a process that ends before a new trace's first stage is recorded leaves a trace")
  func endsBeforeFirstRecord() throws {
    try withTemporaryFolder { folder in
      // As it is between the two: trace.json is written before the stage is put in its place.
      let trace = try Trace.openOrBegin(folder)
      _ = try trace.lockForWriting()
      try trace.saveFirst()
      try Numbering().run(in: Trace.open(folder))
      #expect(try Trace.open(folder).stages == [Numbering.name])
    }
  }
}
