import Foundation
import Goldens
import Tensors
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

  @Test(
    "a golden that does not record an option is refused, and the option named",
    arguments: [
      ("0-input", "resize"), ("2-anchors", "anchorSizes"), ("3-proposals", "preNMSTopN"),
      ("4-roi", "operator"), ("5-heads", "detectionsPerImage"), ("6-masks", "threshold"),
    ])
  func unrecorded(_ stage: String, _ option: String) throws {
    let files = FileManager.default
    let fixtures = goldenFolder.deletingLastPathComponent()
    let scratch = files.temporaryDirectory.appending(path: "unrecorded-\(UUID().uuidString)")
    defer { try? files.removeItem(at: scratch) }
    try files.createDirectory(
      at: scratch.appending(path: "golden"), withIntermediateDirectories: true)
    for name in ["weights", "images"] {
      try files.createSymbolicLink(
        at: scratch.appending(path: name), withDestinationURL: fixtures.appending(path: name))
    }
    let golden = scratch.appending(path: "golden/bundled")
    try files.copyItem(at: goldenFolder.appending(path: "bundled"), to: golden)
    let file = golden.appending(path: "\(stage)/stage.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("\"\(option)\"", with: "\"another\"")
      .write(to: file, atomically: true, encoding: .utf8)
    let opened = try TraceGolden(golden, architectures: fixtures.appending(path: "architectures"))
    let fault = #expect(throws: Fault.self) { try opened.checkStages() }
    #expect(fault?.problem == "the trace does not record its \(option)")
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
