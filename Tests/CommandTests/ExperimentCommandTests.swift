import Foundation
import TestSupport
import Testing

@Suite struct ExperimentCommandTests {
  @Test("downstream prints a line per operator, and judges them only where a truth is known")
  func downstream() throws {
    let outcome = try run("maskrcnn", ["downstream", "--trace", smallTrace.path])
    #expect(outcome.code == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    for name in ["RoIAlign", "RoIPool", "RoIWarp"] {
      #expect(lines.contains { $0.hasPrefix(name) })
    }
    #expect(!outcome.output.contains("Truth:") && outcome.output.contains("tables 2c and 2d"))

    let labels = fixturesFolder.appending(path: "pictures/nuclei-labels.png").path
    let refused = try run(
      "maskrcnn", ["downstream", "--trace", smallTrace.path, "--truth", labels])
    #expect(refused.code == 1 && refused.errorLines.count == 1)
    #expect(refused.errors.contains("the labels are 512 x 512 pixels"))
  }
}
