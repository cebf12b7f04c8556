import Foundation
import Kernels
import Mustache
import Figures
import Stage0Input
import Tensors
import Tracing

/// The section of a page that holds its trace against another: where they differ first, which
/// options differ, and the figures of both with their difference.
struct PageComparison {
  private let first: Trace
  private let second: Trace
  private let comparison: TraceComparison

  /// Floats agree within this part of their tensor's range, as `maskrcnn diff` has it.
  static let tolerance = TraceComparison.usualTolerance

  /// Compares the traces.
  ///
  /// - Throws: `Fault` if they have no stage in common, or a folder is damaged.
  init(_ first: Trace, against second: Trace) throws {
    self.first = first
    self.second = second
    comparison = try TraceComparison(first, second)
    guard !comparison.stages.isEmpty else {
      throw Fault(
        second.folder.path, "the two traces have no stage in common", remedy: "Run one in both")
    }
  }

  /// The section.
  func html() throws -> String {
    let begins = comparison.firstDifference(tolerance: Self.tolerance)
    let causes = try comparison.stages.flatMap { try differingOptions($0) }
    let pairs = try comparison.stages.flatMap { try differingFigures($0) }
    let stale = try staleContext()
    // What it all comes to is seen best in the masks.
    var symptom = try MatchedMasks(first, second)?.context
    if let covered = try coveredPixels() {
      symptom?["covered"] = [covered.thumbnail.context.merging(covered.counts) { $1 }]
    }
    symptom?["first_name"] = names.first
    symptom?["second_name"] = names.second
    let tensors = comparison.tensors.filter { $0.stage == begins }.map(tensorContext)
    let context: [String: Any] = [
      "first": names.first, "second": names.second,
      "tolerance": Numerals.general(Self.tolerance),
      "verdict": comparison.verdict(tolerance: Self.tolerance),
      "stale": stale, "hasStale": !stale.isEmpty,
      "begins": begins ?? "",
      "notes": [(names.first, first), (names.second, second)].compactMap { name, trace in
        trace.record.note.map { ["name": name, "note": $0.text] }
      },
      "causes": causes, "hasCauses": !causes.isEmpty,
      "stages": comparison.stages.map { stageContext($0, isFirst: $0 == begins) },
      "tensors": tensors, "hasTensors": !tensors.isEmpty,
      "symptom": symptom.map { [$0] } ?? [],
      "pairs": pairs, "hasPairs": !pairs.isEmpty,
    ]
    return try PageFiles.template("comparison/comparison.mustache").render(
      context)
  }

  /// What the traces are called: their folders, with as much of the path as tells them apart.
  private var names: (first: String, second: String) {
    let (ours, theirs) = (first.folder.lastPathComponent, second.folder.lastPathComponent)
    guard ours == theirs else { return (ours, theirs) }
    return (
      first.folder.pathComponents.suffix(2).joined(separator: "/"),
      second.folder.pathComponents.suffix(2).joined(separator: "/")
    )
  }

  /// The image with every pixel that a mask covers: grey where both traces have it, blue where
  /// only the first has, orange where only the second has. Nil where a trace has no masks.
  private func coveredPixels() throws -> (thumbnail: Thumbnail, counts: [String: String])? {
    guard first.has("6-masks"), second.has("6-masks"), first.has("0-input"),
      let ours = try first.stage("6-masks").arrayIfKept("label_map")?.integers,
      let theirs = try second.stage("6-masks").arrayIfKept("label_map")?.integers,
      ours.count == theirs.count
    else { return nil }
    var raster = Raster(try first.stage("0-input").imageAsDecoded())
    guard raster.width * raster.height == ours.count else { return nil }
    var (both, onlyFirst, onlySecond) = (0, 0, 0)
    for pixel in ours.indices {
      let colour: Colour
      switch (ours[pixel] > 0, theirs[pixel] > 0) {
      case (false, false): continue
      case (true, true): (colour, both) = (Colour(150, 150, 150), both + 1)
      case (true, false): (colour, onlyFirst) = (Colour(60, 130, 255), onlyFirst + 1)
      case (false, true): (colour, onlySecond) = (.orange, onlySecond + 1)
      }
      raster.bytes[3 * pixel] = colour.red
      raster.bytes[3 * pixel + 1] = colour.green
      raster.bytes[3 * pixel + 2] = colour.blue
    }
    return (
      Thumbnail(raster, width: 512, quality: 80),
      ["both": "\(both)", "onlyFirst": "\(onlyFirst)", "onlySecond": "\(onlySecond)"]
    )
  }

  /// The stale stages of both traces, each with the command that refreshes it.
  private func staleContext() throws -> [[String: Any]] {
    let sides = [
      (names.first, first, comparison.stale.first), (names.second, second, comparison.stale.second),
    ]
    return try sides.flatMap { name, trace, stages in
      try stages.map { stage in
        let command = try refreshCommand(stage.stage, in: trace, at: trace.name)
        return staleStageContext(stage, command: command.map { [$0] }).merging(["trace": name]) {
          $1
        }
      }
    }
  }

  private func differingOptions(_ stage: String) throws -> [[String: String]] {
    let (ours, theirs) = try (first.stage(stage).record.options, second.stage(stage).record.options)
    return Set(ours.keys).union(theirs.keys).sorted().filter { ours[$0] != theirs[$0] }.map {
      [
        "stage": stage, "option": $0, "ours": ours[$0]?.commandLineText ?? "not given",
        "theirs": theirs[$0]?.commandLineText ?? "not given",
      ]
    }
  }

  private func stageContext(_ stage: String, isFirst: Bool) -> [String: Any] {
    let members = comparison.tensors.filter { $0.stage == stage }
    let differing = members.filter { !$0.agrees(within: Self.tolerance) }
    let compared = members.compactMap(\.finding.difference)
    let greatest = compared.max { $0.relative < $1.relative }
    let shapes = members.count { if case .shapes = $0.finding { true } else { false } }
    var words = greatest.map {
      $0.relative == 0 ? "none" : "\(Numerals.share(Float($0.relative))) of its range"
    }
    func add(_ count: Int, _ kind: String) {
      guard count > 0 else { return }
      let other = "\(count) \(kind)"
      words = words.map { $0 == "none" ? other : "\($0), \(other)" } ?? other
    }
    add(compared.reduce(0) { $0 + $1.differingNonFinite }, "NaN or infinite elements")
    add(compared.reduce(0) { $0 + $1.differingCategories }, "categories")
    add(shapes, "of another shape")
    add(members.count { if case .types = $0.finding { true } else { false } }, "of another type")
    return [
      "stage": stage, "isFirst": isFirst, "isStale": comparison.isStale(stage),
      "tensors": String(members.count),
      "differing": String(differing.count), "greatest": words ?? "not kept",
    ]
  }

  private func tensorContext(_ tensor: TensorComparison) -> [String: String] {
    var context = ["name": tensor.name, "differing": "", "greatest": "", "relative": ""]
    switch tensor.finding {
    case .compared(let difference):
      context["differing"] = "\(difference.differing) of \(difference.count)"
      if !difference.isCategorical {
        context["greatest"] = Numerals.general(Float(difference.greatest))
        context["relative"] = Numerals.share(Float(difference.relative))
      }
      if difference.differingNonFinite > 0 {
        context["greatest"] = "\(difference.differingNonFinite) NaN or infinite"
      }
    case .shapes(let ours, let theirs): context["greatest"] = "\(ours) against \(theirs)"
    case .types(let ours, let theirs): context["greatest"] = "\(ours) against \(theirs)"
    case .onlyFirst: context["greatest"] = "only in \(names.first)"
    case .onlySecond: context["greatest"] = "only in \(names.second)"
    case .notKept: context["greatest"] = "not kept"
    }
    return context
  }

  /// Every figure that both traces have of a stage and that is not the same in both.
  private func differingFigures(_ stage: String) throws -> [[String: Any]] {
    let (ours, theirs) = try (first.stage(stage), second.stage(stage))
    let other = Dictionary(theirs.record.figures.map { ($0.file, $0) }) { $1 }
    // Each trace colours its masks by their rank: the difference of two overlays says little.
    let figures = ours.record.figures.filter { figure in
      figure.file != "figures/overlay.png"
        && other[figure.file].map { $0.crc32 != figure.crc32 } ?? false
    }
    let (folder, otherFolder) = (ours.folder, theirs.folder)
    let pairs = Threads.map(figures.count) { index in
      Result {
        FigurePair(
          try figures[index].raster(in: folder),
          try other[figures[index].file]?.raster(in: otherFolder))
      }
    }
    let away = link(from: first.folder, to: second.folder)
    return try zip(figures, pairs).compactMap { figure, pair in
      guard let pair = try pair.get(), pair.differs else { return nil }
      return pair.context.merging([
        "stage": stage, "file": figure.file, "title": headAndRest(figure.caption).head,
        "firstFile": "\(stage)/\(figure.file)", "secondFile": "\(away)/\(stage)/\(figure.file)",
      ]) { $1 }
    }
  }
}

/// The way from one folder to another as a link, `../other`.
private func link(from: URL, to: URL) -> String {
  steps(from: from, to: to).steps.map {
    $0.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(["-", ".", "_"])) ?? $0
  }.joined(separator: "/")
}

/// One figure as two traces have it.
private struct FigurePair: Sendable {
  private let first: Thumbnail
  private let second: Thumbnail
  private let difference: (thumbnail: Thumbnail, share: Float)?

  /// Compares both; nil where there is no second.
  init?(_ ours: Raster, _ theirs: Raster?) {
    guard let theirs else { return nil }
    self.first = Thumbnail(ours, width: FigurePair.width, quality: 70)
    self.second = Thumbnail(theirs, width: FigurePair.width, quality: 70)
    difference = differenceRaster(ours, theirs).map {
      (Thumbnail($0.raster, width: FigurePair.width, quality: 70), $0.share)
    }
  }

  /// Whether there is more to see than another word in a caption.
  var differs: Bool { difference.map { $0.share > 0.002 } ?? true }

  /// Pixels across each.
  private static let width = 340

  /// What the template takes of it.
  var context: [String: Any] {
    var context: [String: Any] = [
      "firstJPEG": first.context["jpeg"] ?? "", "firstWidth": first.context["width"] ?? "",
      "firstHeight": first.context["height"] ?? "",
      "secondJPEG": second.context["jpeg"] ?? "", "secondWidth": second.context["width"] ?? "",
      "secondHeight": second.context["height"] ?? "", "hasDifference": difference != nil,
    ]
    if let difference {
      context["difference"] = [
        difference.thumbnail.context.merging(["share": Numerals.share(difference.share)]) { $1 }
      ]
    }
    return context
  }
}

/// Where two figures of one size differ, and the share of the pixels that do: pale grey where they
/// are equal, red where not, darker with the greatest difference of the three colours.
///
/// Figures grow with what is in them; where one is up to a seventh larger than the other, the part
/// that both have is compared. Nil for sizes further apart.
func differenceRaster(_ first: Raster, _ second: Raster) -> (raster: Raster, share: Float)? {
  let (width, height) = (min(first.width, second.width), min(first.height, second.height))
  guard max(first.width, second.width) * 7 <= width * 8,
    max(first.height, second.height) * 7 <= height * 8
  else { return nil }
  let first = first.cropped(x: 0, y: 0, width: width, height: height)
  let second = second.cropped(x: 0, y: 0, width: width, height: height)
  var raster = first
  var count = 0
  for pixel in stride(from: 0, to: first.bytes.count, by: 3) {
    let distance =
      (pixel..<pixel + 3).map {
        abs(Int(first.bytes[$0]) - Int(second.bytes[$0]))
      }.max() ?? 0
    if distance == 0 {
      let sum = (pixel..<pixel + 3).reduce(0) { $0 + Int(first.bytes[$1]) }
      let pale = UInt8(200 + sum / 3 * 55 / 255)
      for place in pixel..<pixel + 3 { raster.bytes[place] = pale }
    } else {
      count += 1
      // From light to dark red, so that a small difference is seen as well.
      let depth = Float(min(distance, 160)) / 160
      raster.bytes[pixel] = UInt8(250 - depth * 90)
      raster.bytes[pixel + 1] = UInt8(150 - depth * 150)
      raster.bytes[pixel + 2] = UInt8(130 - depth * 130)
    }
  }
  return (raster, Float(count) / Float(first.width * first.height))
}
