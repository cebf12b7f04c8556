/// torchvision's names of the layers, spelled here alone: `MaskRCNNParameters` gives them to its
/// layers, and `Layout` looks for them in a weight file. What follows a layer's name is
/// `ParameterKind.suffix`.
enum ParameterNames {
  static let body = "backbone.body"
  static let stem = "\(body).conv1"
  static let stemNorm = "\(body).bn1"
  /// The pyramid's 1x1 convolutions, a row.
  static let inner = "backbone.fpn.inner_blocks"
  /// The pyramid's 3x3 convolutions, a row.
  static let outer = "backbone.fpn.layer_blocks"
  /// The convolutions that make the coarsest levels of the pyramid, where it has them.
  static func coarse(_ index: Int) -> String { "backbone.fpn.extra_blocks.p\(index + 6)" }
  /// The 3x3 convolutions of the RPN's head, a row.
  static let rpn = "rpn.head.conv"
  static let objectness = "rpn.head.cls_logits"
  static let anchorDeltas = "rpn.head.bbox_pred"
  /// The box head's 3x3 convolutions, a row, and behind them its fully connected layers.
  static let box = "roi_heads.box_head"
  static let classLogits = "roi_heads.box_predictor.cls_score"
  static let boxDeltas = "roi_heads.box_predictor.bbox_pred"
  /// The mask head's 3x3 convolutions, a row.
  static let mask = "roi_heads.mask_head"
  static let upsampling = "roi_heads.mask_predictor.conv5_mask"
  static let maskLogits = "roi_heads.mask_predictor.mask_fcn_logits"

  /// `backbone.body.layer1`, of the layers 0 … 3.
  static func layer(_ layer: Int) -> String { "\(body).\(shortLayer(layer))" }

  /// `layer1`
  private static func shortLayer(_ layer: Int) -> String { "layer\(layer + 1)" }

  /// `layer1.0`
  static func shortBlock(_ layer: Int, _ block: Int) -> String { "\(shortLayer(layer)).\(block)" }

  /// A block's convolution and its norm: `….layer1.0.conv1` and `….layer1.0.bn1`.
  static func branch(
    _ layer: Int, _ block: Int, _ index: Int
  ) -> (convolution: String, norm: String) {
    let block = "\(body).\(shortBlock(layer, block))"
    return ("\(block).conv\(index + 1)", "\(block).bn\(index + 1)")
  }

  /// The convolution in a block's shortcut and its norm.
  static func shortcut(_ layer: Int, _ block: Int) -> (convolution: String, norm: String) {
    let block = "\(body).\(shortBlock(layer, block))"
    return ("\(block).downsample.0", "\(block).downsample.1")
  }

  /// A convolution of a row and its norm: `rpn.head.conv.0.0` and `rpn.head.conv.0.1`.
  static func row(_ owner: String, _ index: Int) -> (convolution: String, norm: String) {
    ("\(owner).\(index).0", "\(owner).\(index).1")
  }

  /// A fully connected layer of the box head: `fc6` and `fc7`, or its number behind the
  /// convolutions and a module that flattens, each layer followed by a ReLU.
  static func boxLayer(_ index: Int, isNamed: Bool, convolutions: Int) -> String {
    isNamed ? "\(box).fc\(index + 6)" : "\(box).\(convolutions + 1 + 2 * index)"
  }
}
