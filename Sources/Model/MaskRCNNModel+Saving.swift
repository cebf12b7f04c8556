import Foundation
import Tensors
import WeightFiles

extension MaskRCNNModel {
  /// Writes the model as a `.safetensors` file: the parameters under torchvision's names and the
  /// settings in the metadata. The file appears whole or not at all.
  ///
  /// With 32 bits for each number the same bits come back when it is read; `load_state_dict` of
  /// torchvision's model takes it either way.
  ///
  /// - Parameters:
  ///   - precision: bits of each number
  ///   - notes: further metadata, such as how the model was trained
  /// - Throws: `Fault` if a parameter does not fit the precision, or the file cannot be written
  public func save(
    to file: URL, precision: Safetensors.Precision = .float32, notes: [String: String] = [:]
  ) throws {
    let pairs = parameters.parameters.map { ($0.slot.name, $0.value) }
    let metadata = try settings.metadata(normEpsilon: normEpsilon)
    try Safetensors.write(
      Dictionary(pairs) { $1 }, metadata: metadata.merging(notes) { settings, _ in settings },
      precision: precision, to: file)
  }
}

extension ModelSettings {
  /// The settings as a weight file's metadata, all of them, so that no default need hold later;
  /// `category_ids` only where they are not the classes themselves.
  ///
  /// - Throws: `Fault` if a number among them is not finite
  public func metadata(normEpsilon: Float) throws -> [String: String] {
    func json(_ value: some Encodable) throws -> String {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .withoutEscapingSlashes
      do {
        return String(decoding: try encoder.encode(value), as: UTF8.self)
      } catch {
        throw Fault("\(value)", "a setting is not finite", remedy: "Correct the setting")
      }
    }
    var metadata = [
      // By this key, the Python library tells which framework's names the tensors have.
      "format": "pt",
      "class_names": try json(classNames),
      "input.mean": try json(mean),
      "input.std": try json(standardDeviation),
      "anchors.sizes": try json(anchorSizes.numbers),
      "anchors.aspect_ratios": try json(anchorAspectRatios.numbers),
      "roi.mask_bins": String(roi.maskBins),
      "roi.canonical_scale": try json(roi.canonicalScale),
      "roi.canonical_level": String(roi.canonicalLevel),
      "roi.levels": try json(Array(roi.levels)),
      "roi.operator": roi.kind.rawValue,
      "roi.sampling_ratio": String(roi.samplingRatio),
      "roi.aligned": String(roi.aligned),
      "roi.reduction": roi.reduction.rawValue,
      "mask.activation": maskActivation.rawValue,
      "detections_per_image": String(detectionsPerImage),
      "score_threshold": try json(scoreThreshold),
      "norm_eps": try json(normEpsilon),
    ]
    if !categoryIDs.isEmpty { metadata["category_ids"] = try json(categoryIDs) }
    switch resize {
    case .factor(let factor): metadata["input.scale"] = try json(factor)
    case .sides(let shorter, let longer):
      metadata["input.min_size"] = String(shorter)
      metadata["input.max_size"] = String(longer)
    }
    return metadata
  }
}
