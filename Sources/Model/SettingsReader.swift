import Foundation
import Tensors
import WeightFiles

/// Reads settings from a weight file's metadata and from what the user says instead.
struct SettingsReader {
  /// The keys, all with text as value; lists are JSON.
  static let keys = [
    "class_names", "category_ids", "input.scale", "input.min_size", "input.max_size", "input.mean",
    "input.std",
    "anchors.sizes", "anchors.aspect_ratios", "detections_per_image", "score_threshold", "norm_eps",
  ]

  /// Where each setting that has been read comes from.
  private(set) var origins: [String: SettingOrigin] = [:]
  private let name: String
  private let metadata: [String: String]
  private let overrides: [String: String]

  init(weights: WeightFile, overrides: [String: String]) {
    name = weights.name
    metadata = weights.metadata
    self.overrides = overrides
  }

  /// All settings, held against the network that they are for.
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
    settings.anchorSizes =
      try numbers("anchors.sizes", count: 5) { (1...100_000).contains($0) } ?? settings.anchorSizes
    settings.anchorAspectRatios =
      try numbers("anchors.aspect_ratios") { (0.001...1000).contains($0) }
      ?? settings.anchorAspectRatios
    let ratios = settings.anchorAspectRatios.count
    guard ratios == architecture.anchorsPerCell else {
      throw fault(
        "anchors.aspect_ratios",
        "\(ratios) aspect ratios, while the RPN head has \(architecture.anchorsPerCell) anchors per cell"
      )
    }
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

  /// The epsilon of the batch norms and a sentence why.
  ///
  /// torchvision trained its v1 COCO weights with an epsilon of 0 and sets it back to 0 after
  /// loading them (`overwrite_eps`); the file does not say so, it has to be recognised.
  mutating func normEpsilon(_ layout: Layout, isFrozen: Bool) throws -> (Float, String) {
    if let value = try number("norm_eps", { (0...1).contains($0) }) {
      let origin = origins["norm_eps"] ?? .metadata
      return (Float(value), "The \(origin.rawValue) says so")
    }
    let isFirstLayout =
      !layout.inner.hasNorm && !layout.outer.hasNorm && layout.boxLayersAreNamed
      && layout.rpn.channels.count == 1 && !layout.maskConvolutions.hasNorm
    let isResNet50 =
      layout.isBottleneck && layout.blocks == [3, 4, 6, 3] && layout.groups == 1
      && layout.stemChannels == 64 && layout.widths[0] == 64
    if isFrozen, isFirstLayout, isResNet50, layout.classes == 91 {
      return (
        0,
        "torchvision's COCO weights for ResNet-50 in the v1 layout, recognised by 91 classes and "
          + "frozen batch norms, were trained with an epsilon of 0"
      )
    }
    return (1e-5, "PyTorch's default")
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

  private func fault(_ key: String, _ problem: String) -> Fault {
    let subject = overrides[key] != nil ? key : "\(name): metadata \(key)"
    return Fault(subject, problem, remedy: "Correct the setting")
  }

  private mutating func text(_ key: String) -> String? {
    if let value = overrides[key] {
      origins[key] = .override
      return value
    }
    origins[key] = metadata[key] == nil ? .standard : .metadata
    return metadata[key]
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
      let levels = key == "anchors.sizes" ? ", one per level P2 to P6" : ""
      throw fault(key, "\(values.count) numbers where \(count) are needed\(levels)")
    }
    return values
  }
}
