import Tracing

extension ProposalOptions: StageOptions {
  /// The deltas' order is recorded where it is not torchvision's.
  public static var declared: [StageOption<ProposalOptions>] {
    [
      StageOption(
        "preNMSTopN", \.preNMSTopN,
        flag: OptionFlag(
          "pre-nms-top-n", in: 1...1_000_000_000,
          help: "Candidates of each level, those with the highest logits, that enter NMS.")),
      StageOption(
        "nmsThreshold", \.nmsThreshold,
        flag: OptionFlag(
          "nms-threshold", in: 0...1,
          help: "IoU over which the lower-scored of two boxes is suppressed.")),
      StageOption(
        "postNMSTopN", \.postNMSTopN,
        flag: OptionFlag(
          "post-nms-top-n", in: 1...1_000_000_000,
          help: "Proposals of all levels together that are kept after NMS.")),
      StageOption(
        "minimumSize", \.minimumSize,
        flag: OptionFlag(
          "min-size", in: 0...1_000_000,
          help: "Boxes with a side below this many input pixels are dropped.")),
      StageOption("deltaOrder", \.deltaOrder, unless: .xFirst),
    ]
  }
}

extension DeltaOrder: OptionConvertible {}
