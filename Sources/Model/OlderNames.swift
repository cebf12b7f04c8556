/// Parameters under the names that today's torchvision gives them.
///
/// torchvision 0.13 put convolutions and what follows them into small sequences, which lengthened
/// the names; its modules still accept the older ones (`_load_from_state_dict` in `rpn.py`,
/// `mask_rcnn.py` and `feature_pyramid_network.py`), and the COCO file of 2019 has them.
enum OlderNames {
  /// Whether a parameter counts training steps, which plays no part in inference.
  static func isCounter(_ name: String) -> Bool { name.hasSuffix("num_batches_tracked") }

  /// The new name of a parameter.
  static func renamed(_ name: String) -> String {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard let kind = parts.last, kind == "weight" || kind == "bias" else { return name }
    switch (parts.count, parts.dropLast().joined(separator: ".")) {
    case (4, "rpn.head.conv"): return "rpn.head.conv.0.0.\(kind)"
    case (5, let owner)
    where
      (owner.hasPrefix("backbone.fpn.inner_blocks.")
      || owner.hasPrefix("backbone.fpn.layer_blocks.")) && Int(parts[3]) != nil:
      return "\(owner).0.\(kind)"
    case (4, let owner) where owner.hasPrefix("roi_heads.mask_head.mask_fcn"):
      guard let number = Int(parts[2].dropFirst("mask_fcn".count)), number > 0 else { return name }
      return "roi_heads.mask_head.\(number - 1).0.\(kind)"
    default: return name
    }
  }
}
