import Foundation
@testable import Goldens
import Tensors
import Testing

@Suite struct OperatorGoldenTests {
  @Test("every operation computes what the reference computed")
  func operators() throws {
    let results = try OperatorGoldens.check(in: goldenFolder.appending(path: "operators"))
    for result in results where !result.passes {
      Issue.record("\(result.summary)")
    }
    // A folder or a case that vanished would otherwise pass in silence.
    #expect(Set(results.map(\.suite)).count == 43)
    #expect(Set(results.map { "\($0.suite) \($0.name)" }).count == 379)
  }

  @Test("an operation that returns fewer outputs than the reference has, or others, fails")
  func missingOutput() throws {
    let golden = try #require(
      try GoldenCase.all(in: goldenFolder.appending(path: "operators/linear_gradient")).first)
    let operation = try #require(OperatorGoldens.gradients["linear_gradient"])
    let whole = try operation.compute(golden)
    func results(_ computed: [String: NumericArray]) throws -> [GoldenResult] {
      try OperatorGoldens.results(
        of: golden, suite: "test", computed, tolerance: operation.tolerance)
    }
    #expect(try results(whole).map(\.passes) == [true, true, true])
    for name in whole.keys {
      let fewer = try results(whole.filter { $0.key != name })
      #expect(fewer.count == 3)
      #expect(fewer.filter { !$0.passes }.map(\.tensor) == [name])
    }
    var other = whole
    other["extra"] = NumericArray(Tensor([1], [0]))
    #expect(try results(other).filter { !$0.passes }.map(\.tensor) == ["extra"])
    // NaN everywhere is no small difference.
    let nan = whole.mapValues { NumericArray(Tensor($0.shape, repeating: .nan)) }
    #expect(try results(nan).allSatisfy { !$0.passes })
  }
}

/// `Fixtures/golden`
let goldenFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures/golden")
