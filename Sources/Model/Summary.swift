import Tensors
import WeightFiles

extension MaskRCNNModel {
  /// The model's description, a line per part and per setting.
  public var summary: String {
    var rows: [(String, String)] = [
      ("weights", source),
      (
        "parameters",
        "\(grouped(architecture.parameterCount)), "
          + "\(grouped(architecture.trunkNormCount)) of them scale and shift the trunk's norms"
      ),
    ]
    rows += architecture.parts.map { ($0.name, $0.description) }
    rows.append(("norm epsilon", "\(normEpsilon) (norm_eps): \(normEpsilonReason)"))
    rows += settingRows
    for assumption in assumptions {
      rows.append(("assumed", "\(assumption.problem). \(assumption.remedy)"))
    }
    if !namePrefix.isEmpty || !ignoredNames.isEmpty {
      rows.append(
        (
          "names in the file",
          (namePrefix.isEmpty ? "" : "all begin with \(namePrefix)")
            + (ignoredNames.isEmpty
              ? ""
              : "; \(ignoredNames.count) that do not are ignored: "
                + ignoredNames.prefix(4).joined(separator: ", "))
        ))
    }
    let names = settings.classNames.dropFirst().filter { $0 != "N/A" }
    rows.append(
      (
        "classes",
        "\(architecture.classCount) with background"
          + (names.count < architecture.classCount - 1 ? ", \(names.count) of them used" : "")
          + " (\(origin("class_names"))): \(names.joined(separator: ", "))"
      ))
    rows.append(
      (
        "category ids",
        "\(settings.categoryIDs.isEmpty ? "the classes themselves" : "\(settings.categoryIDs)") "
          + "(\(origin("category_ids")))"
      ))
    return rows.asTable
  }

  private var settingRows: [(String, String)] {
    let resize: (String, String)
    switch settings.resize {
    case .factor(let factor): resize = ("\(factor) times the image", origin("input.scale"))
    case .sides(let shorter, let longer):
      resize = (
        "shorter side \(shorter), longer at most \(longer)",
        "input.min_size, \(origin("input.max_size"))"
      )
    }
    return [
      ("resize", "\(resize.0) (\(resize.1))"),
      ("mean", "\(list(settings.mean)) (\(origin("input.mean")))"),
      ("deviation", "\(list(settings.standardDeviation)) (\(origin("input.std")))"),
      ("anchor sizes", "\(settings.anchorSizes.numbers) (\(origin("anchors.sizes")))"),
      (
        "aspect ratios",
        "\(settings.anchorAspectRatios.numbers) (\(origin("anchors.aspect_ratios")))"
      ),
      (
        "RoIs",
        "read from \(settings.roi.levels.map { "P\($0)" }.joined(separator: ", ")) "
          + "(\(origin("roi.levels"))), one of \(settings.roi.canonicalScale) input pixels "
          + "(\(origin("roi.canonical_scale"))) from P\(settings.roi.canonicalLevel) "
          + "(\(origin("roi.canonical_level")))"
      ),
      ("RoI operator", operatorWords),
      (
        "mask RoI",
        "\(settings.roi.maskBins)x\(settings.roi.maskBins) bins (\(origin("roi.mask_bins")))"
      ),
      ("mask", "\(settings.maskActivation.rawValue) (\(origin("mask.activation")))"),
      ("detections", "at most \(settings.detectionsPerImage) (\(origin("detections_per_image")))"),
      ("score threshold", "\(settings.scoreThreshold) (\(origin("score_threshold")))"),
    ]
  }

  private var operatorWords: String {
    let roi = settings.roi
    let kind = "\(roi.kind.rawValue) (\(origin("roi.operator")))"
    guard roi.kind != .pool else { return kind }
    let samples =
      "\(kind), \(roi.reduction.rawValue) (\(origin("roi.reduction"))) of samples at a ratio of "
      + "\(roi.samplingRatio) (\(origin("roi.sampling_ratio")))"
    return roi.kind == .warp
      ? samples : "\(samples), \(roi.aligned ? "" : "not ")aligned (\(origin("roi.aligned")))"
  }

  /// The setting's key, as `--set` takes it, and where its value comes from.
  private func origin(_ key: String) -> String {
    "\(key): \((settingOrigins[key] ?? .standard).rawValue)"
  }

  private func list(_ values: [Float]) -> String {
    values.map { Int(exactly: $0).map { "\($0)" } ?? "\($0)" }.joined(separator: " ")
  }
}

extension WeightFile {
  /// The file's description: format, tensors, metadata.
  public var summary: String {
    let counters = tensors.keys.filter { $0.hasSuffix("num_batches_tracked") }.count
    let elements = tensors.values.reduce(0) { $0 + $1.count }
    var rows = [
      ("file", name),
      ("format", format.title),
      ("checksum", checksum.map { "crc32 \($0)" } ?? "none, there is no file"),
      (
        "tensors",
        "\(tensors.count) of \(elementTypes.joined(separator: ", ")), "
          + "\(grouped(elements)) elements"
          + (counters > 0 ? "; \(counters) of them count training steps" : "")
      ),
    ]
    rows += metadata.sorted { $0.key < $1.key }.map { key, value in
      ("metadata", "\(key) = \(value.count <= 200 ? value : value.prefix(197) + "...")")
    }
    return rows.asTable
  }
}

/// `44,401,393`
public func grouped(_ number: Int) -> String {
  let digits = Array(String(number))
  return digits.indices.map { index in
    index > 0 && (digits.count - index) % 3 == 0 ? ",\(digits[index])" : "\(digits[index])"
  }.joined()
}

extension [(String, String)] {
  /// Two columns.
  fileprivate var asTable: String {
    let width = (map(\.0.count).max() ?? 0) + 2
    return map { $0.0 + String(repeating: " ", count: width - $0.0.count) + $0.1 }
      .joined(separator: "\n")
  }
}
