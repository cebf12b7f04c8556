import Foundation
import Goldens
import Testing

/// Ten steps of training against torchvision's.
@Suite struct TrainingGoldenTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

  @Test("ten steps of SGD make the parameters torchvision's", arguments: ["frozen", "trained"])
  func steps(name: String) throws {
    let golden = try TrainingGolden(Self.fixtures.appending(path: "golden/training/\(name)"))
    let results = try golden.check(fixtures: Self.fixtures)
    for result in results where !result.passes { Issue.record("\(result.summary)") }
    // A parameter that is not compared would otherwise pass in silence.
    #expect(results.count { $0.name == "parameters" } == golden.parameterCount)
    #expect(golden.parameterCount > 150)
    #expect(results.count { $0.name == "changes" } > 40)
  }
}
