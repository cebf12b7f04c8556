import Foundation
import Mustache
import Stage1Backbone
import Stage4RoI
import Stage5Heads
import Tracing

// What the page explains of each stage, with the levels and the bins of the trace's network.

extension PageSource {
  /// The explanation of a stage as HTML; nothing for a stage that this version does not know.
  ///
  /// - Throws: `Fault` if a record is damaged.
  func prose(_ name: String) throws -> String {
    guard let text = try? PageFiles.text("prose/\(name).html") else { return "" }
    return try MustacheTemplate(string: text).render(network())
  }

  /// What the explanations name of the network.
  private func network() throws -> [String: Any] {
    try levelFacts().merging(roiFacts()) { $1 }.merging(maskFacts()) { $1 }
  }

  /// The levels of trunk and pyramid.
  private func levelFacts() throws -> [String: Any] {
    guard trace.has(BackboneStage.name) else { return [:] }
    let folder = try trace.stage(BackboneStage.name)
    let (trunk, pyramid) = (folder.levels("C"), folder.levels("P"))
    guard let top = trunk.last, let coarsest = pyramid.last else { return [:] }
    var facts: [String: Any] = [
      "trunkRange": trunk.count > 1 ? "C\(trunk[0]) to C\(top)" : "C\(top)",
      "top": "\(top)", "topStride": "\(1 << top)",
    ]
    guard pyramid != [top] else {
      facts["onlyLevel"] = ["P\(top)"]
      return facts
    }
    facts["pyramid"] = true
    let above = pyramid.filter { $0 > top }.map { "P\($0)" }
    if above.count == 1 { facts["pooled"] = above }
    if above.count > 1 { facts["convolved"] = [above.joined(separator: " and ")] }
    let read = try trace.has(RoIStage.name) ? roiOptions().assignment.levels : nil
    if let read, !read.contains(coarsest) { facts["unread"] = ["P\(coarsest)"] }
    return facts
  }

  private func roiOptions() throws -> RoIOptions { try RoIOptions(trace.stage(RoIStage.name)) }

  /// Which levels RoIs are read from, and with how many bins.
  private func roiFacts() throws -> [String: Any] {
    guard trace.has(RoIStage.name) else { return [:] }
    let options = try roiOptions()
    let (rule, levels) = (options.assignment, options.assignment.levels)
    let example = min(max(rule.canonicalLevel, levels.lowerBound), levels.upperBound)
    var facts: [String: Any] = [
      "bins": "\(options.bins)",
      "scale": OptionValue.number(Double(rule.canonicalScale)).commandLineText,
      "canonical": "\(rule.canonicalLevel)", "example": "\(example)", "cell": "\(1 << example)",
      "half": "\((1 << example) / 2)", "oneAndHalf": "\(3 * (1 << example) / 2)",
    ]
    if levels.count == 1 {
      facts["singleRoILevel"] = ["P\(example)"]
    } else {
      facts["roiLevels"] = ["\(levels.lowerBound) … \(levels.upperBound)"]
    }
    // 224 pixels are the side of ImageNet's images.
    if rule.canonicalScale == LevelAssignment.torchvision.canonicalScale { facts["isUsual"] = true }
    return facts
  }

  /// The sides of the mask head's input and output.
  private func maskFacts() throws -> [String: Any] {
    let recorded =
      try trace.has(HeadsStage.name)
      ? trace.stage(HeadsStage.name).record.options["maskSize"]?.count : nil
    let bins = recorded ?? 14
    return [
      "maskBins": "\(bins)", "mask": "\(2 * bins)", "bordered": "\(2 * bins + 2)",
    ]
  }
}
