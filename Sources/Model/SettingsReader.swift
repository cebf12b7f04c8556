import Foundation
import Tensors
import WeightFiles

/// Reads settings from a weight file's metadata and from what the user says instead.
struct SettingsReader {
  /// The keys, all with text as value; lists are JSON.
  static let keys = [
    "class_names", "category_ids", "input.scale", "input.min_size", "input.max_size", "input.mean",
    "input.std",
    "anchors.sizes", "anchors.aspect_ratios", "roi.mask_bins", "roi.canonical_scale",
    "roi.canonical_level", "roi.levels", "roi.operator", "roi.sampling_ratio", "roi.aligned",
    "roi.reduction", "mask.activation", "detections_per_image", "score_threshold", "norm_eps",
  ]

  /// Where each setting that has been read comes from.
  private(set) var origins: [String: SettingOrigin] = [:]
  /// What nothing says and the results depend on, so that somebody has to know what was assumed.
  private(set) var assumptions: [Fault] = []
  private let name: String
  private let metadata: [String: String]
  private let overrides: [String: String]

  init(weights: WeightFile, overrides: [String: String]) {
    name = weights.name
    metadata = weights.metadata
    self.overrides = overrides
  }

  /// All settings, checked against the network that they are for.
  mutating func settings(for architecture: Architecture) throws -> ModelSettings {
    if let unknown = overrides.keys.sorted().first(where: { !SettingsReader.keys.contains($0) }) {
      throw Fault(
        unknown, "there is no such setting",
        remedy: "The settings are \(SettingsReader.keys.joined(separator: ", "))")
    }
    var settings = ModelSettings()
    settings.resize = try resize() ?? settings.resize
    settings.mean = try numbers("input.mean", count: 3) ?? settings.mean
    settings.standardDeviation =
      try numbers("input.std", count: 3) { $0 > 0 } ?? settings.standardDeviation
    try readAnchors(into: &settings, architecture)
    try readRoIs(into: &settings.roi, architecture.layout)
    settings.maskActivation =
      try word("mask.activation", of: MaskActivation.self) ?? settings.maskActivation
    settings.detectionsPerImage =
      try number("detections_per_image") { (1...100_000).contains($0) && $0 == $0.rounded() }
      .map { Int($0) } ?? settings.detectionsPerImage
    settings.scoreThreshold =
      try number("score_threshold") { (0...1).contains($0) }.map { Float($0) }
      ?? settings.scoreThreshold
    settings.classNames = try classNames(count: architecture.classCount)
    settings.categoryIDs = try categoryIDs(count: architecture.classCount)
    return settings
  }

  // MARK: Anchors and RoIs

  private mutating func readAnchors(
    into settings: inout ModelSettings, _ architecture: Architecture
  ) throws {
    let (levels, perCell) = (architecture.layout.levels, architecture.anchorsPerCell)
    let (sizesKey, ratiosKey) = ("anchors.sizes", "anchors.aspect_ratios")
    let sizes = try lists(sizesKey) { (1...100_000).contains($0) }
    let ratios = try lists(ratiosKey) { (0.001...1000).contains($0) }
    settings.anchorSizes = sizes.map { AnchorSizes($0) } ?? .assumed(architecture.layout)
    if let ratios { settings.anchorAspectRatios = AnchorAspectRatios(ratios) }
    let (used, shapes) = (settings.anchorSizes, settings.anchorAspectRatios)
    let names =
      levels.count == 1
      ? "the level P\(levels.lowerBound)"
      : "each level P\(levels.lowerBound) to P\(levels.upperBound)"
    guard used.levels.count == levels.count else {
      throw fault(
        sizesKey,
        "\(used.numbers) has \(used.levels.count) entries where \(levels.count) are needed, one for "
          + "\(names), a number or a list of numbers")
    }
    guard [1, levels.count].contains(shapes.levels.count) else {
      throw fault(
        ratiosKey,
        "\(shapes.numbers) has \(shapes.levels.count) lists where \(levels.count) are needed, one for "
          + "\(names)")
    }
    for (place, sizes) in used.levels.enumerated()
    where sizes.count * shapes[place].count != perCell {
      throw fault(
        ratios == nil && sizes.count > 1 ? sizesKey : ratiosKey,
        "\(sizes.count) sizes in \(shapes[place].count) aspect ratios on "
          + "P\(levels.lowerBound + place), while the RPN head has \(perCell) anchors per cell",
        remedy: "Give the anchors that the network was trained with: --set anchors.sizes=[…] and "
          + "--set anchors.aspect_ratios=[…], lists of numbers, or of a list of numbers for \(names)"
      )
    }
    guard sizes == nil || ratios == nil else { return }
    let whose = levels == 2...6 ? "as torchvision has by default" : "torchvision's for such levels"
    let assumed = [
      sizes == nil ? "anchors.sizes=\(used.numbers)" : nil,
      ratios == nil ? "anchors.aspect_ratios=\(shapes.numbers)" : nil,
    ].compactMap(\.self)
    assumptions.append(
      Fault(
        name,
        "the file does not say which anchors the network was trained with; assumed: "
          + assumed.joined(separator: " and ") + ", \(whose)",
        remedy: "If it was trained with others, give them: "
          + assumed.map { "--set \($0.prefix { $0 != "=" })=[…]" }.joined(separator: " ")))
  }

  private mutating func readRoIs(into roi: inout RoISettings, _ layout: Layout) throws {
    func isWhole(_ range: ClosedRange<Int>) -> (Double) -> Bool {
      { Int(exactly: $0).map(range.contains) ?? false }
    }
    roi.kind = try word("roi.operator", of: RoIOperatorKind.self) ?? roi.kind
    roi.samplingRatio =
      try number("roi.sampling_ratio", isWhole(0...16)).map { Int($0) } ?? roi.samplingRatio
    roi.aligned = try word("roi.aligned", of: Truth.self).map { $0 == .true } ?? roi.aligned
    roi.reduction = try word("roi.reduction", of: BinReduction.self) ?? roi.reduction
    let fixedBins = layout.fullyConnectedMaskBins
    roi.maskBins =
      try number("roi.mask_bins", isWhole(1...64)).map { Int($0) } ?? fixedBins ?? roi.maskBins
    if let fixedBins, roi.maskBins != fixedBins {
      throw fault("roi.mask_bins", "the mask head is fully connected and reads \(fixedBins) bins")
    }
    roi.canonicalScale =
      try number("roi.canonical_scale") { (1...100_000).contains($0) }.map { Float($0) }
      ?? roi.canonicalScale
    roi.canonicalLevel =
      try number("roi.canonical_level", isWhole(0...16)).map { Int($0) } ?? roi.canonicalLevel
    guard let given = try lists("roi.levels", isValid: { $0 == $0.rounded() }) else {
      roi.levels = layout.roiLevels
      return
    }
    let numbers = given.all.map { Int($0) }
    guard let first = numbers.first, numbers == Array(first..<first + numbers.count),
      layout.levels.contains(first), layout.levels.contains(first + numbers.count - 1)
    else {
      throw fault(
        "roi.levels",
        "\(given) are no levels that follow each other, of \(layout.levels.lowerBound) to "
          + "\(layout.levels.upperBound)")
    }
    roi.levels = first...first + numbers.count - 1
  }

  /// The epsilon of the batch norms and a sentence why.
  ///
  /// torchvision trained its v1 COCO weights with an epsilon of 0 and sets it back to 0 after
  /// loading them (`overwrite_eps`), also where the heads are then replaced to learn other classes;
  /// with frozen norms and another start it stays 1e-5. A file cannot tell, so what is assumed is
  /// said.
  mutating func normEpsilon(_ layout: Layout, isFrozen: Bool) throws -> (Float, String) {
    if let value = try number("norm_eps", { (0...1).contains($0) }) {
      let origin = origins["norm_eps"] ?? .metadata
      return (Float(value), "The \(origin.rawValue) says so")
    }
    let value = layout.assumedNormEpsilon(isFrozen: isFrozen)
    guard isFrozen else { return (value, "PyTorch's default") }
    let isCOCO = layout.isTorchvisionForCOCO
    let reason =
      isCOCO
      ? "assumed, since torchvision's COCO weights for ResNet-50 in the v1 layout, recognised by 91 "
        + "classes and frozen batch norms, were trained with an epsilon of 0"
      : "assumed, PyTorch's default; the batch norms are frozen, and the file does not say"
    let remedy =
      isCOCO
      ? "Weights that were not trained from torchvision's COCO weights need --set norm_eps=1e-05"
      : "Weights that were fine-tuned from torchvision's COCO weights (maskrcnn_resnet50_fpn with "
        + "weights=\"DEFAULT\") need --set norm_eps=0"
    assumptions.append(
      Fault(name, "norm_eps=\(value) is \(reason)", remedy: remedy))
    return (value, reason)
  }

  private mutating func resize() throws -> ModelSettings.Resize? {
    // Who gives one of the two ways means it instead of the file's, not besides.
    let hasOverride = overrides.keys.contains(where: ModelSettings.isSize)
    let given = hasOverride ? overrides : metadata
    let keys = ["input.min_size", "input.max_size"]
    let sides = keys.filter { given[$0] != nil }
    guard given["input.scale"] == nil else {
      guard sides.isEmpty else {
        throw fault("input.scale", "\(sides[0]) is given too, and only one of the two can hold")
      }
      let scale = try number("input.scale") { ModelSettings.Resize.factors.contains($0) }
      return scale.map { .factor($0) }
    }
    guard !sides.isEmpty else {
      for key in keys { origins[key] = .standard }
      return nil
    }
    guard sides.count == 2 else { throw fault(sides[0], "min_size and max_size belong together") }
    let isSide = { (value: Double) in
      ModelSettings.Resize.lengths.contains(Int(exactly: value) ?? 0)
    }
    guard let shorter = try number(keys[0], isSide), let longer = try number(keys[1], isSide) else {
      return nil
    }
    guard shorter <= longer else {
      throw fault(keys[0], "the shorter side is larger than the longer one")
    }
    return .sides(shorter: Int(shorter), longer: Int(longer))
  }

  private mutating func classNames(count: Int) throws -> [String] {
    guard let text = text("class_names") else {
      return ModelSettings.standardClassNames(count: count)
    }
    guard let names = try? JSONDecoder().decode([String].self, from: Data(text.utf8)) else {
      throw fault("class_names", "\(text.prefix(60)) is no JSON list of names")
    }
    guard names.count == count else {
      throw fault(
        "class_names",
        "\(names.count) names, while the network has \(count) classes, "
          + "background among them")
    }
    return names
  }

  private mutating func categoryIDs(count: Int) throws -> [Int] {
    guard let text = text("category_ids") else { return [] }
    guard let numbers = try? JSONDecoder().decode([Int].self, from: Data(text.utf8)),
      Set(numbers).count == numbers.count
    else {
      throw fault("category_ids", "\(text.prefix(60)) is no JSON list of different whole numbers")
    }
    guard numbers.count == count else {
      throw fault(
        "category_ids",
        "\(numbers.count) numbers, while the network has \(count) classes, background among them")
    }
    return numbers
  }

  // MARK: Values

  /// The fault of a setting: named where it is given, and as `--set` takes it where it is missing,
  /// since a `.pth` file has no metadata.
  private func fault(_ key: String, _ problem: String, remedy: String? = nil) -> Fault {
    if overrides[key] != nil { return Fault(key, problem, remedy: remedy ?? "Correct the setting") }
    guard metadata[key] != nil else {
      return Fault(name, problem, remedy: remedy ?? "Give it with --set \(key)=…")
    }
    return Fault(
      "\(name): metadata \(key)", problem,
      remedy: "Correct the setting, or give --set \(key)=… in its place")
  }

  private mutating func text(_ key: String) -> String? {
    if let value = overrides[key] {
      origins[key] = .override
      return value
    }
    origins[key] = metadata[key] == nil ? .standard : .metadata
    return metadata[key]
  }

  private enum Truth: String, CaseIterable { case `true`, `false` }

  /// One of the words that a key takes.
  private mutating func word<Word: RawRepresentable<String> & CaseIterable>(
    _ key: String, of _: Word.Type
  ) throws -> Word? {
    guard let text = text(key) else { return nil }
    guard let word = Word(rawValue: text) else {
      let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
      throw fault(key, "\(text.prefix(60)) is none of \(words)")
    }
    return word
  }

  private mutating func number(_ key: String, _ isValid: (Double) -> Bool) throws -> Double? {
    guard let text = text(key) else { return nil }
    let value = Double(text.trimmingCharacters(in: .whitespaces))
    guard let value, value.isFinite, isValid(value) else {
      throw fault(key, "\(text.prefix(60)) is not a number that makes sense here")
    }
    return value
  }

  private mutating func numbers(
    _ key: String, count: Int? = nil, isValid: (Float) -> Bool = { _ in true }
  ) throws -> [Float]? {
    guard let text = text(key) else { return nil }
    guard let values = try? JSONDecoder().decode([Float].self, from: Data(text.utf8)),
      values.allSatisfy({ $0.isFinite && abs($0) < 1e6 && isValid($0) })
    else { throw fault(key, "\(text.prefix(60)) is no JSON list of numbers that make sense here") }
    if let count, values.count != count {
      throw fault(key, "\(values.count) numbers where \(count) are needed")
    }
    return values
  }

  private mutating func lists(
    _ key: String, isValid: (Float) -> Bool
  ) throws -> NumberLists? {
    guard let text = text(key) else { return nil }
    guard let lists = try? JSONDecoder().decode(NumberLists.self, from: Data(text.utf8)),
      lists.isComplete, lists.all.allSatisfy({ $0.isFinite && abs($0) < 1e6 && isValid($0) })
    else { throw fault(key, "\(text.prefix(60)) is no JSON list of numbers that make sense here") }
    return lists
  }
}

extension ModelSettings {
  /// Settings by key that hold in place of a weight file's, given now over others given earlier.
  public static func overrides(
    _ given: [String: String], over earlier: [String: String]
  ) -> [String: String] {
    // The two ways to give the image's size exclude each other: the later one holds.
    let isSizeGiven = given.keys.contains(where: isSize)
    return earlier.filter { !(isSizeGiven && isSize($0.key)) }.merging(given) { $1 }
  }

  /// Whether a setting says how large the image becomes.
  static func isSize(_ key: String) -> Bool {
    ["input.scale", "input.min_size", "input.max_size"].contains(key)
  }
}
