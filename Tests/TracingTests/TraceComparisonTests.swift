import Foundation
import Tensors
import TestFixtures
import Testing
import Tracing

/// A stage that leaves what it is told to.
private struct Leaving: Stage {
  static let name = "1-leaving"
  static let title = "What it was told."
  var floats: [Float]?
  var integers: [Int]?
  var kind = TensorKind.quantity
  var categoryColumns: [String]?

  func run(_ folder: StageWriter) throws {
    if let floats, let categoryColumns {
      try folder.add(
        "x", Tensor([floats.count / 2, 2], floats), axes: ["row", "class logit"], units: "1",
        categoryColumns: categoryColumns, note: "")
    } else if let floats {
      try folder.add("x", Tensor([floats.count], floats), axes: ["N"], units: "1", note: "")
    } else if let integers {
      try folder.add("x", integers: integers, kind: kind, axes: ["N"], units: "1", note: "")
    }
  }
}

/// A stage that reads it.
private struct Counting: Stage {
  static let name = "2-counting"
  static let title = "How many."

  func run(_ folder: StageWriter) throws {
    let count = try folder.read(Leaving.name).tensor("x").count
    try folder.add("count", integers: [count], kind: .quantity, axes: ["N"], units: "1", note: "")
  }
}

@Suite struct TraceComparisonTests {
  /// Compares the traces that two stages leave, from their files.
  private func compare(
    _ a: Leaving, _ b: Leaving, keeping: Trace.Keeping = .full
  ) throws -> TraceComparison {
    try withTemporaryFolder { folder in
      for (name, stage) in [("a", a), ("b", b)] {
        let trace = try Trace.openOrBegin(folder.appending(path: name))
        try stage.run(in: trace, keeping: keeping)
        try Counting().run(in: trace)
      }
      return try TraceComparison(
        .open(folder.appending(path: "a")), .open(folder.appending(path: "b")))
    }
  }

  private func compare(_ a: [Float], _ b: [Float]) throws -> TensorDifference {
    let comparison = try compare(Leaving(floats: a), Leaving(floats: b))
    return try #require(comparison.tensors[0].finding.difference)
  }

  @Test("equal traces agree exactly, and are called equal")
  func equal() throws {
    let comparison = try compare(Leaving(floats: [1, -0.0]), Leaving(floats: [1, 0]))
    #expect(comparison.agrees(within: 0) && comparison.firstDifference(tolerance: 0) == nil)
    #expect(comparison.tensors.count == 2)
    #expect(comparison.verdict(tolerance: 0) == "All 2 tensors are equal.")
  }

  @Test("the first stage that differs, by how much of the range")
  func different() throws {
    // 2 4 6 against 2 4 6.4: 0.4 of a range of 4.
    let (a, b) = (Leaving(floats: [2, 4, 6]), Leaving(floats: [2, 4, 6.4]))
    let comparison = try compare(a, b)
    #expect(comparison.firstDifference(tolerance: 0.05) == Leaving.name)
    #expect(comparison.verdict(tolerance: 0.05) == "The first stage that differs is 1-leaving.")
    let difference = try #require(comparison.tensors[0].finding.difference)
    #expect(difference.differing == 1 && abs(difference.relative - 0.1) < 1e-6)
    // Within a tolerance they agree, but are not called equal.
    #expect(comparison.agrees(within: 0.1001))
    #expect(
      comparison.verdict(tolerance: 0.1001)
        == "1 of 4 elements differ, in 1 of 2 tensors, none by more than 0.1001 of its tensor's "
        + "range.")
  }

  @Test("an infinity hides no difference, and tolerance 0 means that no element differs")
  func infinity() throws {
    for infinite in [Float.infinity, -.infinity, .nan] {
      let difference = try compare([1, 2, infinite], [1, 2.5, infinite])
      #expect(difference.differing == 1 && difference.differingNonFinite == 0)
      #expect(difference.relative == 0.5)
      #expect(!difference.agrees(within: 0) && !difference.agrees(within: 0.4))
    }
    // A difference so small that a part of the range would round to 0.
    let least = try compare([0, 3e38, .leastNonzeroMagnitude], [0, 3e38, 0])
    #expect(least.differing == 1 && !least.agrees(within: 0) && least.agrees(within: 1e-6))
    // One too large for 32 bits.
    let most = try compare([-3e38, 3e38], [3e38, 3e38])
    #expect(most.relative == 1 && !most.agrees(within: 0.5))
    #expect(most.greatest > 5.9e38 && most.greatest < 6.1e38)
  }

  @Test(
    "what is not finite on one side, or of another kind, differs at any tolerance",
    arguments: [
      (Float.nan, Float(3)), (3, .nan), (.infinity, 3), (3, -.infinity), (.infinity, -.infinity),
      (.nan, .infinity),
    ])
  func notFinite(_ pair: (Float, Float)) throws {
    let difference = try compare([1, 2, pair.0], [1, 2, pair.1])
    #expect(difference.differing == 1 && difference.differingNonFinite == 1)
    #expect(difference.greatest == 0 && !difference.agrees(within: 1e9))
    #expect(try compare([1, pair.0, pair.1], [1, pair.0, pair.1]).agrees(within: 0))
  }

  @Test("the recorded range is that of the finite elements, and the others are counted")
  func recordedRange() throws {
    try withTemporaryFolder { folder in
      let stage = Leaving(floats: [1, .infinity, 3, .nan, -.infinity])
      try stage.run(in: Trace.openOrBegin(folder))
      let record = try Trace.open(folder).stage(Leaving.name).record.tensors[0]
      #expect(record.minimum == 1 && record.maximum == 3 && record.mean == 2)
      #expect(record.nonFinite == 3)
    }
  }

  @Test("integers are compared as integers", arguments: [TensorKind.quantity, .category])
  func integers(_ kind: TensorKind) throws {
    for (p, q) in [(16_777_216, 16_777_217), (Int.max, Int.max - 1), (0, 1)] {
      let comparison = try compare(
        Leaving(integers: [p, 5], kind: kind), Leaving(integers: [q, 5], kind: kind))
      let difference = try #require(comparison.tensors[0].finding.difference)
      #expect(difference.differing == 1 && difference.isIntegral)
      #expect(difference.greatest == (kind == .quantity ? 1 : 0))
      // Even within any tolerance.
      #expect(!comparison.agrees(within: 1e9))
    }
  }

  @Test("another element type is a difference, even of equal numbers")
  func types() throws {
    let comparison = try compare(Leaving(integers: [1, 2]), Leaving(floats: [1, 2]))
    #expect(comparison.tensors[0].finding == .types("int64", "float32"))
    #expect(comparison.firstDifference(tolerance: 1e9) == Leaving.name)
  }

  @Test("categories are compared by the share of elements that differ, never by a range")
  func categories() throws {
    let ours = Leaving(integers: [1, 1, 1, 2], kind: .category)
    let comparison = try compare(ours, Leaving(integers: [1, 1, 9, 2], kind: .category))
    let difference = try #require(comparison.tensors[0].finding.difference)
    #expect(difference.isCategorical && difference.share == 0.25)
    #expect(difference.relative == 0 && difference.greatest == 0)
    #expect(difference.differingCategories == 1 && !comparison.agrees(within: 1e9))
  }

  @Test("of a table, each column is compared by a range of its own, categories by their share")
  func columns() throws {
    // Classes 1 and 500; logits from 0 to 2.
    let ours = Leaving(floats: [1, 0, 500, 2], categoryColumns: ["class"])
    var theirs = ours
    theirs.floats = [1, 1, 500, 2]
    let logit = try #require(try compare(ours, theirs).tensors[0].finding.difference)
    #expect(logit.relative == 0.5 && logit.differing == 1 && logit.count == 4)
    #expect(logit.agrees(within: 0.5) && !logit.agrees(within: 0.49))
    theirs.floats = [2, 0, 500, 2]
    let label = try #require(try compare(ours, theirs).tensors[0].finding.difference)
    #expect(label.relative == 0 && label.differingCategories == 1 && !label.agrees(within: 1))
  }

  @Test("other shapes are a difference that no tolerance covers")
  func shapes() throws {
    let comparison = try compare(Leaving(floats: [1, 2, 3]), Leaving(floats: [1, 2, 3, 4]))
    #expect(comparison.tensors[0].finding == .shapes([3], [4]))
    #expect(comparison.firstDifference(tolerance: 1e9) == Leaving.name)
    #expect(!comparison.tensors[1].agrees(within: 1e9))
  }

  @Test("a tensor that was not kept is never called equal")
  func notKept() throws {
    let large = Leaving(floats: [Float](repeating: 1, count: StageWriter.smallTensor + 1))
    let comparison = try compare(large, large, keeping: .none)
    #expect(comparison.tensors[0].finding == .notKept && comparison.incomparable == 1)
    #expect(!comparison.tensors[0].finding.agrees(within: 1))
    #expect(comparison.verdict(tolerance: 0) == "The tensors are equal.")
  }

  @Test("a stale stage is never reported as equal")
  func stale() throws {
    try withTemporaryFolder { folder in
      let traces = try ["a", "b"].map { try Trace.openOrBegin(folder.appending(path: $0)) }
      for trace in traces {
        try Leaving(floats: [1, 2]).run(in: trace)
        try Counting().run(in: trace)
      }
      // The count is the same, but of other numbers.
      for trace in traces { try Leaving(floats: [3, 4]).run(in: trace) }
      try Counting().run(in: traces[1])
      let comparison = try TraceComparison(traces[0], traces[1])
      #expect(comparison.firstDifference(tolerance: 0) == nil)
      #expect(comparison.isStale(Counting.name) && !comparison.isStale(Leaving.name))
      #expect(
        comparison.stale.first == [StaleStage(stage: Counting.name, changed: [Leaving.name])])
      #expect(comparison.stale.second.isEmpty && !comparison.agrees(within: 1e9))
      #expect(comparison.stale.first[0].reason == "computed from an earlier 1-leaving")
    }
  }

  @Test("a tensor that was kept and whose file is damaged is not replaced by anything")
  func kept() throws {
    try withTemporaryFolder { folder in
      let large = Leaving(floats: [Float](repeating: 1, count: StageWriter.smallTensor + 1))
      try large.run(in: Trace.openOrBegin(folder), keeping: .none)
      #expect(try Trace.open(folder).stage(Leaving.name).arrayIfKept("x") == nil)
      try large.run(in: Trace.open(folder))
      #expect(try Trace.open(folder).stage(Leaving.name).arrayIfKept("x") != nil)
      let file = folder.appending(path: "\(Leaving.name)/tensors/x.npy")
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: file)
      let stage = try Trace.open(folder).stage(Leaving.name)
      let fault = #expect(throws: Fault.self) { try stage.arrayIfKept("x") }
      #expect(fault?.subject == file.path)
      #expect(fault?.remedy.contains("swift run -c release leaving --trace") == true)
      #expect(throws: Fault.self) { try stage.arrayIfKept("y") }
    }
  }
}
