import Foundation
import Goldens
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
}

/// `Fixtures/golden`
let goldenFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures/golden")
