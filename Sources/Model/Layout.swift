import Tensors

/// Everything about a network that follows from the shapes of its parameters: enough to list every
/// parameter that such a network has.
///
/// Each part is looked at by itself, so a network may have the feature pyramid of torchvision's
/// second version and the box head of its first.
struct Layout: Equatable {
  /// A row of convolutions.
  struct Row: Equatable {
    /// Output channels of each convolution.
    var channels: [Int]
    /// Whether the convolutions have a bias.
    var hasBias: Bool
    /// Whether batch norm follows each.
    var hasNorm: Bool
  }

  var isBottleneck: Bool
  /// Blocks in each of the four layers.
  var blocks: [Int]
  var stemChannels: Int
  /// Channels inside the blocks of each layer.
  var widths: [Int]
  /// Channels that leave each layer: those of C2 ... C5.
  var outputs: [Int]
  var groups: Int
  /// The pyramid's 1x1 convolutions.
  var inner: Row
  /// The pyramid's 3x3 convolutions.
  var outer: Row
  var rpn: Row
  var anchors: Int
  var boxConvolutions: Row
  /// Outputs of the box head's fully connected layers.
  var boxLayers: [Int]
  /// Whether those are called `fc6`, `fc7` and not by number.
  var boxLayersAreNamed: Bool
  var maskConvolutions: Row
  var upsamplingChannels: Int
  var classes: Int

  /// RoIs reach the box head as 7 x 7 cells.
  static let pooledArea = 7 * 7

  /// Channels of the pyramid.
  var pyramidChannels: Int { inner.channels.first ?? 0 }

  /// Names of the fully connected layers of the box head.
  var boxLayerNames: [String] {
    boxLayers.indices.map { index in
      boxLayersAreNamed
        ? "roi_heads.box_head.fc\(index + 6)"
        // Convolutions, one module that flattens, then layers with a ReLU behind each.
        : "roi_heads.box_head.\(boxConvolutions.channels.count + 1 + 2 * index)"
    }
  }

  /// Whether block `block` of layer `layer` has a convolution in its shortcut.
  func hasShortcut(layer: Int, block: Int) -> Bool {
    block == 0 && (layer > 0 || stemChannels != outputs[0])
  }

  /// Channels that enter a block.
  func inputs(layer: Int, block: Int) -> Int {
    if block > 0 { return outputs[layer] }
    return layer > 0 ? outputs[layer - 1] : stemChannels
  }

  /// Every parameter and statistic of such a network.
  var parameters: [ParameterShape] {
    var list: [ParameterShape] = []
    func convolution(_ name: String, _ shape: [Int], bias: Bool) {
      list.append(ParameterShape("\(name).weight", shape))
      if bias { list.append(ParameterShape("\(name).bias", [shape[0]])) }
    }
    func norm(_ name: String, _ channels: Int) {
      for part in ["weight", "bias", "running_mean", "running_var"] {
        list.append(ParameterShape("\(name).\(part)", [channels]))
      }
    }
    func row(_ name: String, _ row: Row, inputs: [Int], kernel: Int) {
      for (index, channels) in row.channels.enumerated() {
        convolution(
          "\(name).\(index).0", [channels, inputs[index], kernel, kernel], bias: row.hasBias)
        if row.hasNorm { norm("\(name).\(index).1", channels) }
      }
    }
    let body = "backbone.body"
    convolution("\(body).conv1", [stemChannels, 3, 7, 7], bias: false)
    norm("\(body).bn1", stemChannels)
    for layer in 0..<4 {
      let (width, output) = (widths[layer], outputs[layer])
      for block in 0..<blocks[layer] {
        let name = "\(body).layer\(layer + 1).\(block)"
        let input = inputs(layer: layer, block: block)
        let shapes =
          isBottleneck
          ? [[width, input, 1, 1], [width, width / groups, 3, 3], [output, width, 1, 1]]
          : [[width, input, 3, 3], [output, width, 3, 3]]
        for (index, shape) in shapes.enumerated() {
          convolution("\(name).conv\(index + 1)", shape, bias: false)
          norm("\(name).bn\(index + 1)", shape[0])
        }
        if hasShortcut(layer: layer, block: block) {
          convolution("\(name).downsample.0", [output, input, 1, 1], bias: false)
          norm("\(name).downsample.1", output)
        }
      }
    }
    let pyramid = pyramidChannels
    row("backbone.fpn.inner_blocks", inner, inputs: outputs, kernel: 1)
    row("backbone.fpn.layer_blocks", outer, inputs: inner.channels, kernel: 3)
    row("rpn.head.conv", rpn, inputs: [pyramid] + rpn.channels, kernel: 3)
    let rpnChannels = rpn.channels.last ?? pyramid
    convolution("rpn.head.cls_logits", [anchors, rpnChannels, 1, 1], bias: true)
    convolution("rpn.head.bbox_pred", [4 * anchors, rpnChannels, 1, 1], bias: true)
    let box = boxConvolutions
    row("roi_heads.box_head", box, inputs: [pyramid] + box.channels, kernel: 3)
    var features = (box.channels.last ?? pyramid) * Layout.pooledArea
    for (name, outputs) in zip(boxLayerNames, boxLayers) {
      convolution(name, [outputs, features], bias: true)
      features = outputs
    }
    convolution("roi_heads.box_predictor.cls_score", [classes, features], bias: true)
    convolution("roi_heads.box_predictor.bbox_pred", [4 * classes, features], bias: true)
    let mask = maskConvolutions
    row("roi_heads.mask_head", mask, inputs: [pyramid] + mask.channels, kernel: 3)
    let maskChannels = mask.channels.last ?? pyramid
    let up = "roi_heads.mask_predictor.conv5_mask"
    list.append(ParameterShape("\(up).weight", [maskChannels, upsamplingChannels, 2, 2]))
    list.append(ParameterShape("\(up).bias", [upsamplingChannels]))
    convolution(
      "roi_heads.mask_predictor.mask_fcn_logits", [classes, upsamplingChannels, 1, 1], bias: true)
    return list
  }
}
