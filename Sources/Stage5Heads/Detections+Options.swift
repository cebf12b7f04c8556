import Model
import Tracing

extension DetectionOptions: StageOptions {
  /// A score over 0.05, an IoU of 0.5, 100 detections.
  public static var torchvision: DetectionOptions { torchvision(ModelSettings()) }

  /// Three flags; nothing gives the least size.
  public static var declared: [StageOption<DetectionOptions>] {
    [
      StageOption(
        "scoreThreshold", \.scoreThreshold, setting: "score_threshold",
        flag: OptionFlag(
          "score-threshold", in: 0...1,
          help: "A class counts for a proposal only with a score over this.")),
      StageOption("minimumSize", \.minimumSize),
      StageOption(
        "nmsThreshold", \.nmsThreshold,
        flag: OptionFlag(
          "nms-threshold", in: 0...1,
          help: "IoU over which the lower-scored of two boxes of a class is suppressed.")),
      StageOption(
        "detectionsPerImage", \.detectionsPerImage, setting: "detections_per_image",
        flag: OptionFlag(
          "detections-per-image", in: 1...1_000_000_000, help: "Detections kept at most.")),
    ]
  }
}
