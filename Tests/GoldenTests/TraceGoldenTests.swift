import Foundation
import Goldens
import Testing

@Suite struct TraceGoldenTests {
  private static let names = [
    "resnet50_fpn_v1", "resnet50_fpn_v2", "resnet101_fpn", "resnext50_32x4d_fpn",
  ]

  @Test("all stages together compute what the reference computed", arguments: names)
  func architecture(_ name: String) throws {
    let golden = try open(name)
    let results = try golden.checkChain()
    report(results)
    #expect(Set(results.map(\.name)).count == 7)
  }

  @Test(
    "each stage alone computes what the reference made of the same input",
    arguments: [("bundled", 7), ("bundled-pool", 3)])
  func stages(_ name: String, _ count: Int) throws {
    let golden = try open(name)
    #expect(try golden.isWhole())
    let results = try golden.checkStages()
    report(results)
    #expect(Set(results.map(\.name)).count == count)
    report(try golden.checkChain())
  }

  private func open(_ name: String) throws -> TraceGolden {
    try TraceGolden(
      goldenFolder.appending(path: name),
      architectures: goldenFolder.deletingLastPathComponent().appending(path: "architectures"))
  }

  private func report(_ results: [GoldenResult]) {
    for result in results where !result.passes { Issue.record("\(result.summary)") }
  }
}
