import Tensors
import Tracing

/// By which numbers boxes are matched with the truth and sampled.
public struct TargetOptions: StageOptions {
  /// How boxes are drawn.
  public enum Sample: String, Sendable, CaseIterable {
    /// So many, of which a part is positive, by chance.
    case balanced
    /// Every positive and every negative box.
    case all
  }

  /// How anchors are matched.
  public var anchors: Matcher
  /// How proposals are matched.
  public var rois: Matcher
  /// So many anchors are sampled.
  public var anchorsPerImage: Int
  /// The part of them that is positive at most.
  public var anchorPositiveFraction: Double
  /// So many RoIs are sampled.
  public var roisPerImage: Int
  /// The part of them that is positive at most.
  public var roiPositiveFraction: Double
  /// How both are drawn.
  public var sample: Sample
  /// Which of the possible samples.
  public var seed: Int
  /// Whether the box head's delta targets are multiplied by 10 10 5 5, as its predictions are
  /// divided by them. Without it, a trace shows a common mistake.
  public var weighsDeltas: Bool

  /// torchvision's, with the seed 0.
  public static var torchvision: TargetOptions {
    TargetOptions(
      anchors: .anchors, rois: .proposals, anchorsPerImage: 256, anchorPositiveFraction: 0.5,
      roisPerImage: 512, roiPositiveFraction: 0.25, sample: .balanced, seed: 0,
      weighsDeltas: true)
  }

  /// How anchors are sampled.
  public var anchorSampling: Sampling { sampling(anchorsPerImage, anchorPositiveFraction) }
  /// How RoIs are sampled.
  public var roiSampling: Sampling { sampling(roisPerImage, roiPositiveFraction) }

  private func sampling(_ count: Int, _ fraction: Double) -> Sampling {
    sample == .all ? .all : .balanced(count: count, positiveFraction: fraction)
  }

  /// All of them.
  public static var declared: [StageOption<TargetOptions>] {
    [
      thresholds(
        \.anchors, "anchor",
        OptionFlag(
          "anchor-positive-iou", in: 0...1,
          help: "An anchor is positive from this IoU with an object (rpn_fg_iou_thresh)."),
        OptionFlag(
          "anchor-negative-iou", in: 0...1,
          help: "It is negative below this IoU, between the two ignored (rpn_bg_iou_thresh).")),
      thresholds(
        \.rois, "roi",
        OptionFlag(
          "roi-positive-iou", in: 0...1,
          help: "A proposal is positive from this IoU with an object (box_fg_iou_thresh)."),
        OptionFlag(
          "roi-negative-iou", in: 0...1,
          help: "It is background below this IoU, between the two ignored (box_bg_iou_thresh).")),
      StageOption(
        "anchorsPerImage", \.anchorsPerImage,
        flag: OptionFlag(
          "anchors-per-image", in: 1...1_000_000_000,
          help: "Anchors that the losses are taken over (rpn_batch_size_per_image).")),
      StageOption(
        "anchorPositiveFraction", \.anchorPositiveFraction,
        flag: OptionFlag(
          "anchor-positive-fraction", in: 0...1,
          help: "At most this part of them is positive (rpn_positive_fraction).")),
      StageOption(
        "roisPerImage", \.roisPerImage,
        flag: OptionFlag(
          "rois-per-image", in: 1...1_000_000_000,
          help: "RoIs that the losses are taken over (box_batch_size_per_image).")),
      StageOption(
        "roiPositiveFraction", \.roiPositiveFraction,
        flag: OptionFlag(
          "roi-positive-fraction", in: 0...1,
          help: "At most this part of them is positive (box_positive_fraction).")),
      StageOption(
        "sample", \.sample,
        flag: OptionFlag(
          "sample",
          help: "Which boxes the losses are taken over: balanced, so many by chance; all.")),
      StageOption(
        "seed", \.seed,
        flag: OptionFlag(
          "seed", in: 0...4_000_000_000, help: "Another number draws another sample.")),
      StageOption("weighsDeltas", \.weighsDeltas, unless: true),
    ]
  }

  /// The two thresholds of a matcher, of which the negative one must not be the greater.
  private static func thresholds(
    _ place: WritableKeyPath<TargetOptions, Matcher>, _ name: String,
    _ positive: OptionFlag<Float>, _ negative: OptionFlag<Float>
  ) -> StageOption<TargetOptions> {
    let (high, low) = ("\(name)PositiveIoU", "\(name)NegativeIoU")
    func set(_ matcher: inout Matcher, _ high: Float, _ low: Float) -> Bool {
      guard (0...1).contains(high), (0...high).contains(low) else { return false }
      (matcher.positiveThreshold, matcher.negativeThreshold) = (high, low)
      return true
    }
    return StageOption(
      high, flags: [positive.listed, negative.listed],
      record: { options in
        let matcher = options[keyPath: place]
        return [
          high: matcher.positiveThreshold.optionValue, low: matcher.negativeThreshold.optionValue,
        ]
      },
      take: { recorded, options in
        guard let positive = recorded[high].flatMap({ Float($0) }),
          let negative = recorded[low].flatMap({ Float($0) })
        else { return false }
        return set(&options[keyPath: place], positive, negative)
      },
      apply: { given, options in
        let matcher = options[keyPath: place]
        let high = try positive.value(in: given)
        let low = try negative.value(in: given)
        guard
          set(
            &options[keyPath: place], high ?? matcher.positiveThreshold,
            low ?? matcher.negativeThreshold)
        else {
          throw Fault(
            "--\(negative.name)",
            "negative below \(low ?? matcher.negativeThreshold) and positive from "
              + "\(high ?? matcher.positiveThreshold) overlap",
            remedy: "Give a number up to --\(positive.name)")
        }
      },
      words: { options in
        let matcher = options[keyPath: place]
        return [
          FlagWord(positive, matcher.positiveThreshold),
          FlagWord(negative, matcher.negativeThreshold),
        ]
      })
  }
}

extension TargetOptions.Sample: OptionConvertible {}
