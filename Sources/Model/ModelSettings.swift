/// What the shapes of the weights do not tell. It is stored in the metadata of a `.safetensors`
/// file; where it does not, torchvision's defaults hold.
///
/// Keys in the metadata, all with text as value, lists as JSON: `class_names`, `category_ids`;
/// `input.scale`, or `input.min_size` with `input.max_size`; `input.mean`, `input.std`,
/// `anchors.sizes`, `anchors.aspect_ratios`, `roi.mask_bins`, `roi.canonical_scale`,
/// `roi.canonical_level`, `roi.levels`, `roi.operator`, `roi.sampling_ratio`, `roi.aligned`,
/// `roi.reduction`, `mask.activation`, `detections_per_image`, `score_threshold`; `norm_eps` becomes
/// the epsilon of the batch norms.
public struct ModelSettings: Sendable, Equatable {
  /// How an image is brought to the size that the network works at.
  public enum Resize: Sendable, Equatable {
    /// The shorter side to `shorter` unless the longer would pass `longer` (torchvision's way).
    case sides(shorter: Int, longer: Int)
    /// Both sides times a factor (fit for images that have a fixed magnification).
    case factor(Double)

    /// The factors that make sense.
    public static let factors = 0.01...64.0
    /// The lengths of a side that make sense, in pixels.
    public static let lengths = 1...100_000
  }

  /// How an image is resized.
  public var resize: Resize = .sides(shorter: 800, longer: 1333)
  /// Subtracted from red, green and blue, which lie in 0...1.
  public var mean: [Float] = [0.485, 0.456, 0.406]
  /// What red, green and blue are then divided by.
  public var standardDeviation: [Float] = [0.229, 0.224, 0.225]
  /// Sides of the square anchors of each level, P2 first, in input pixels. A cell has an anchor for
  /// every pair of its level's sizes and ratios.
  public var anchorSizes: AnchorSizes = [32, 64, 128, 256, 512]
  /// Height over width of the anchors of one cell.
  public var anchorAspectRatios: AnchorAspectRatios = [0.5, 1, 2]
  /// How RoIs are read from the levels.
  public var roi = RoISettings()
  /// How the mask head's logits become probabilities.
  public var maskActivation = MaskActivation.sigmoid
  /// At most so many detections leave the box head.
  public var detectionsPerImage: Int = 100
  /// Detections with a lower score are dropped.
  public var scoreThreshold: Float = 0.05
  /// One name per class, background first.
  public var classNames: [String] = []
  /// What each class is called by number in the annotations that the model learned from, background
  /// first: the `category_id` of COCO files. Empty where it is the class itself.
  public var categoryIDs: [Int] = []

  /// torchvision's defaults.
  public init() {}

  /// The names of classes that nobody named: COCO's where there are as many, otherwise numbers.
  static func standardClassNames(count: Int) -> [String] {
    if count == COCO.classNames.count { return COCO.classNames }
    return (0..<count).map { $0 == 0 ? "__background__" : "class \($0)" }
  }
}

/// How the mask head's logits become probabilities, in training and in inference. Paper: section 4.2,
/// "Multinomial vs. Independent Masks", table 2b.
public enum MaskActivation: String, Sendable, CaseIterable {
  /// Each class's mask by itself: Mask R-CNN's way.
  case sigmoid
  /// The classes and the background compete for every pixel, as in semantic segmentation.
  case softmax
}

/// How the features of a RoI of any size become a grid of bins.
public enum RoIOperatorKind: String, Sendable, CaseIterable {
  /// RoIAlign
  case align
  /// RoIPool
  case pool
  /// RoIWarp
  case warp
}

/// What a bin takes of its samples.
public enum BinReduction: String, Sendable, CaseIterable {
  /// Their mean.
  case average
  /// The greatest.
  case maximum
}

/// How RoIs are read from the levels: what torchvision's `MultiScaleRoIAlign` is made with, and the
/// operator that the network was trained with.
public struct RoISettings: Sendable, Equatable {
  /// The mask head reads RoIs of so many rows and columns of bins; the masks have twice as many.
  public var maskBins = 14
  /// A RoI that is a square of so many input pixels is read from the canonical level.
  public var canonicalScale: Float = 224
  /// The level's number, 4 for P4.
  public var canonicalLevel = 4
  /// The numbers of the levels that RoIs are read from.
  public var levels = 2...5
  /// The operator.
  public var kind = RoIOperatorKind.align
  /// Samples per bin along each axis, 0 for as many as the bin has cells; RoIPool takes none.
  public var samplingRatio = 2
  /// Whether RoIAlign subtracts half a cell.
  public var aligned = false
  /// What a bin takes of its samples; RoIPool takes the maximum of its cells.
  public var reduction = BinReduction.average

  /// torchvision's defaults.
  public init() {}
}

/// Class names, background first.
extension [String] {
  /// A class's name as figures show it, or its number where the weights name none.
  public func shown(_ label: Int) -> String {
    guard indices.contains(label) else { return "class \(label)" }
    if self[label] == "N/A" { return "N/A (\(label))" }
    return label == 0 ? "background" : self[label].shownName
  }
}

extension String {
  /// The name of a class as figures and tables show it: they have no room for more than 40
  /// characters.
  fileprivate var shownName: String {
    dropFirst(40).isEmpty ? self : prefix(39) + "…"
  }
}
