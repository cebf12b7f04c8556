import Figures
import Foundation
import Model
import Stage1Backbone
import Stage5Heads
import Stage6Masks
import Tensors
import Tracing

// The first screen of the page: what was found, and every stage with what it made of this image.

extension PageSource {
  /// The page in one sentence: what was found, or how far the trace goes.
  func headline() throws -> String {
    guard let found = try shownLabels() else {
      guard let last = trace.stages.last, let first = trace.stages.first else {
        return "How a network looks for objects in an image"
      }
      return first == last
        ? "How a network begins to look for objects in this image: stage \(number(first))"
        : "How a network looks for objects in this image: stages \(number(first)) to \(number(last))"
    }
    return "How a network found \(found.words) in this image"
  }

  /// What the page is about, for search engines and for those who pass the link on.
  func description() throws -> String {
    let name = trace.image?.lastPathComponent ?? "an image"
    return try headline() + ": Mask R-CNN on \(name), stage by stage, with every number that it "
      + "computed on the way."
  }

  /// The classes of the detections that are shown; nil where stage 5 is not there.
  private func shownLabels() throws -> (count: Int, words: String)? {
    guard isCurrent(HeadsStage.name), has(HeadsStage.name, "scores", "labels") else { return nil }
    let stage = try trace.stage(HeadsStage.name)
    let shown = Overlay.shown(try stage.tensor("scores").values)
    let labels = try stage.integers("labels")[shown]
    let names = stage.record.options["classNames"]?.texts ?? []
    guard !labels.isEmpty else { return (0, "no object") }
    let kinds = Dictionary(grouping: labels) { $0 }.sorted {
      ($1.value.count, $0.key) < ($0.value.count, $1.key)
    }
    let words = kinds.prefix(3).map { label, all in
      "\(all.count) "
        + (all.count == 1 ? names.shown(label) : plural(of: names.shown(label)))
    }
    if kinds.count > 3 {
      return (labels.count, "\(labels.count) objects of \(kinds.count) classes")
    }
    guard let last = words.last, words.count > 1 else { return (labels.count, words[0]) }
    return (labels.count, words.dropLast().joined(separator: ", ") + " and " + last)
  }

  /// The stages as the strip of the first screen shows them: a name, a number and what it counts.
  func strip() throws -> [[String: Any]] {
    let found = try shownLabels()
    return try trace.stages.enumerated().map { place, name in
      let folder = try trace.stage(name)
      let (count, unit) = try fact(of: folder, shown: found?.count)
      let small = try stripImage(of: name)
      return [
        "id": name, "number": number(name), "word": stageWord(name), "place": "\(place)",
        "isLearning": Int(number(name)).map { $0 > 6 } ?? false,
        "count": count, "unit": unit,
        "image": small.map { [$0.context.merging(["alt": Strip.words[name] ?? name]) { $1 }] }
          ?? [],
      ]
    }
  }

  /// The one number that tells most about what a stage made.
  private func fact(of folder: StageFolder, shown: Int?) throws -> (String, String) {
    func count(_ name: String, axis: Int = 0) -> Int? {
      let shape = folder.record.tensors.first { $0.name == name }?.shape
      return shape.flatMap { $0.indices.contains(axis) ? $0[axis] : nil }
    }
    func many(_ number: Int?) -> String { number.map { grouped($0) } ?? "" }
    switch folder.record.stage {
    case "0-input":
      let size = try knownSizes()?.original
      return (size.map { "\($0.width) × \($0.height)" } ?? "", "pixels")
    case "1-backbone":
      let (trunk, pyramid) = (folder.levels("C"), folder.levels("P"))
      return ("\(trunk.count + pyramid.count)", "feature maps")
    case "2-anchors":
      let levels = folder.levels("objectness.P")
      let anchors = levels.compactMap { level -> Int? in
        let shape = folder.record.tensors.first { $0.name == "objectness.P\(level)" }?.shape
        return shape?.reduce(1, *)
      }
      return (many(anchors.reduce(0, +)), "anchors")
    case "3-proposals":
      let unit = count("candidates.index").map { "proposals of \(many($0)) candidates" }
      return (many(count("proposals")), unit ?? "proposals")
    case "4-roi":
      let bins = count("features", axis: 2).map { " of \($0)\u{a0}×\u{a0}\($0)" } ?? ""
      return (many(count("features")), "grids\(bins)")
    case "5-heads": return (many(count("labels")), "detections")
    case "6-masks":
      let all = count("boxes")
      return (many(shown ?? all), shown == nil || shown == all ? "masks" : "masks shown")
    case "7-targets": return (many(count("truth.boxes")), "known objects")
    case "8-losses":
      let total = try folder.arrayIfKept("losses")?.tensor.values.reduce(0, +)
      return (total.map { Numerals.general($0) } ?? "", "total loss")
    case "9-gradients":
      let step = try folder.arrayIfKept("step")?.tensor
      let after = step.flatMap { step in
        step.shape.rank == 2 && step.shape[1] == 2
          ? stride(from: 1, to: step.count, by: 2).reduce(Float(0)) { $0 + step.values[$1] } : nil
      }
      return (after.map { Numerals.general($0) } ?? "", "loss after a step")
    default: return ("", "")
    }
  }

  private func number(_ stage: String) -> String { String(stage.prefix { $0 != "-" }) }
}

/// `Backbone` for `1-backbone`.
func stageWord(_ stage: String) -> String {
  let word = String(stage.drop { $0 != "-" }.dropFirst())
  return word == "roi" ? "RoI" : word.prefix(1).uppercased() + word.dropFirst()
}

/// The plural of a class's name, which is an English noun: `fluorescence nuclei`.
func plural(of name: String) -> String {
  var words = name.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
  guard let last = words.popLast(), !last.isEmpty else { return name }
  let irregular = [
    "person": "people", "nucleus": "nuclei", "mouse": "mice", "knife": "knives", "sheep": "sheep",
    "skis": "skis", "scissors": "scissors", "broccoli": "broccoli",
  ]
  let isConsonant = last.dropLast().last.map { !"aeiou".contains($0) } ?? false
  let ended =
    irregular[last]
    ?? (["s", "x", "ch", "sh"].contains { last.hasSuffix($0) }
      ? last + "es"
      : last.hasSuffix("y") && isConsonant ? last.dropLast() + "ies" : last + "s")
  return (words + [ended]).joined(separator: " ")
}
