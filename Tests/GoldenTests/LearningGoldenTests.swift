import Foundation
import Goldens
import Testing

/// Whole networks backward: losses, feature maps and every parameter against torchvision's
/// autograd.
@Suite struct LearningGoldenTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fixtures")

  @Test("losses and gradients are torchvision's", arguments: ["bundled", "resnet50_fpn_v1"])
  func gradients(name: String) throws {
    let golden = try LearningGolden(Self.fixtures.appending(path: "golden/learning/\(name)"))
    let results = try golden.check(fixtures: Self.fixtures)
    for result in results where !result.passes { Issue.record("\(result.summary)") }
    // A parameter or a map without a gradient would otherwise pass in silence.
    let parameters = results.count { $0.name == "gradients of parameters" }
    #expect(parameters == golden.parameterCount && parameters > 80)
    #expect(results.count { $0.name == "gradients of maps" } == 10)
  }
}
