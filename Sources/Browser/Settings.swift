// The settings in a weight file's metadata, whose JSON JavaScript has read: the keys are those of
// `ModelSettings`.

import Model
import Tensors

/// Settings as they were handed over, still without the network that they are for.
struct GivenSettings {
  private(set) var normEpsilon: Float?
  private var settings = ModelSettings()
  private var sizes: AnchorSizes?
  private var levels: ClosedRange<Int>?
  private var shorter: Int?
  private var longer: Int?

  /// Takes a setting.
  ///
  /// - Parameters:
  ///   - lists: a number as a list of one, a list, or several lists
  ///   - isNested: whether the value is a list of lists
  /// - Throws: `Fault` if it makes no sense
  mutating func take(_ key: String, _ lists: [[Double]], isNested: Bool) throws(Fault) {
    func fault(_ problem: String) -> Fault {
      Fault(key, problem, remedy: "Save the weights again with another value")
    }
    let numbers = lists.flatMap { $0 }
    guard let first = numbers.first, numbers.allSatisfy({ $0.isFinite && abs($0) < 1e6 }) else {
      throw fault("there are no numbers that make sense")
    }
    let floats = lists.map { $0.map { Float($0) } }
    let whole = Int(first.rounded())
    func positive(_ most: Int) throws(Fault) -> Int {
      guard whole >= 1, whole <= most else { throw fault("\(whole) is not from 1 to \(most)") }
      return whole
    }
    switch key {
    case "input.scale":
      guard ModelSettings.Resize.factors.contains(first) else {
        throw fault("the factor makes no sense")
      }
      settings.resize = .factor(first)
    case "input.min_size": shorter = try positive(100_000)
    case "input.max_size": longer = try positive(100_000)
    case "input.mean", "input.std":
      guard numbers.count == 3 else { throw fault("there are \(numbers.count) numbers, not 3") }
      if key == "input.mean" {
        settings.mean = floats.flatMap { $0 }
      } else {
        guard numbers.allSatisfy({ $0 > 0 }) else { throw fault("a number is not over 0") }
        settings.standardDeviation = floats.flatMap { $0 }
      }
    case "anchors.sizes":
      sizes = AnchorSizes(isNested ? .nested(floats) : .flat(floats[0]))
    case "anchors.aspect_ratios":
      guard numbers.allSatisfy({ $0 > 0 }) else { throw fault("a number is not over 0") }
      settings.anchorAspectRatios = AnchorAspectRatios(
        isNested ? .nested(floats) : .flat(floats[0]))
    case "roi.mask_bins": settings.roi.maskBins = try positive(64)
    case "roi.canonical_scale": settings.roi.canonicalScale = Float(first)
    case "roi.canonical_level": settings.roi.canonicalLevel = try positive(30)
    case "roi.levels":
      let numbers = numbers.map { Int($0.rounded()) }
      guard let least = numbers.min(), let most = numbers.max(), least >= 1, most <= 30 else {
        throw fault("there are no such levels")
      }
      levels = least...most
    case "roi.sampling_ratio":
      guard (0...64).contains(whole) else { throw fault("\(whole) is not from 0 to 64") }
      settings.roi.samplingRatio = whole
    case "roi.aligned": settings.roi.aligned = whole != 0
    case "detections_per_image": settings.detectionsPerImage = try positive(100_000)
    case "score_threshold": settings.scoreThreshold = Float(first)
    case "norm_eps": normEpsilon = Float(first)
    default: throw fault("there is no such setting")
    }
  }

  /// Takes a setting that is a word.
  mutating func take(_ key: String, word: String) throws(Fault) {
    switch key {
    case "roi.operator":
      if let kind = RoIOperatorKind(rawValue: word) { return settings.roi.kind = kind }
    case "roi.reduction":
      if let reduction = BinReduction(rawValue: word) { return settings.roi.reduction = reduction }
    case "mask.activation":
      if let activation = MaskActivation(rawValue: word) {
        return settings.maskActivation = activation
      }
    default: break
    }
    throw Fault(
      key, "\(word) is no value of it", remedy: "Save the weights again with another value")
  }

  /// The settings for a network.
  ///
  /// - Throws: `Fault` if its anchors are others
  func settings(for layout: Layout) throws(Fault) -> ModelSettings {
    var settings = settings
    if shorter != nil || longer != nil {
      settings.resize = .sides(shorter: shorter ?? 800, longer: longer ?? 1333)
    }
    settings.anchorSizes = sizes ?? .assumed(layout)
    settings.roi.levels = levels ?? layout.roiLevels
    if let bins = layout.fullyConnectedMaskBins { settings.roi.maskBins = bins }
    let (sizes, ratios) = (settings.anchorSizes.levels, settings.anchorAspectRatios)
    let fits =
      sizes.count == layout.levels.count && [1, sizes.count].contains(ratios.levels.count)
      && sizes.indices.allSatisfy { sizes[$0].count * ratios[$0].count == layout.anchors }
    guard fits else {
      throw Fault(
        "anchors.sizes", "sizes and aspect ratios do not make \(layout.anchors) anchors per cell",
        remedy: "Save the weights with the anchors that the network was trained with")
    }
    return settings
  }
}

/// Hands over a setting of numbers.
///
/// - Parameters:
///   - key: in UTF-8; `keyLength` in bytes
///   - numbers: of all lists, one after the other
///   - lengths: of the `count` lists
///   - isNested: 1 for a list of lists, 0 for one list or one number
@_expose(wasm, "model_setting") @_cdecl("model_setting")
public func modelSetting(
  _ key: UnsafePointer<UInt8>, _ keyLength: Int32, _ numbers: UnsafePointer<Double>,
  _ lengths: UnsafePointer<Int32>, _ count: Int32, _ isNested: Int32
) -> Int32 {
  answering { () throws(Fault) in
    var first = numbers
    var lists: [[Double]] = []
    for index in 0..<Int(count) {
      let length = Int(lengths[index])
      lists.append(Array(UnsafeBufferPointer(start: first, count: length)))
      first += length
    }
    try given.settings.take(text(key, keyLength), lists, isNested: isNested != 0)
    return []
  }
}

/// Hands over a setting that is a word.
@_expose(wasm, "model_word") @_cdecl("model_word")
public func modelWord(
  _ key: UnsafePointer<UInt8>, _ keyLength: Int32, _ word: UnsafePointer<UInt8>,
  _ wordLength: Int32
) -> Int32 {
  answering { () throws(Fault) in
    try given.settings.take(text(key, keyLength), word: text(word, wordLength))
    return []
  }
}
