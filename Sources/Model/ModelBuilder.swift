import Tensors

/// Sorts parameters, which have been compared with the layout, into the parts of the network.
struct ModelBuilder {
  let tensors: [String: Tensor]
  let layout: Layout
  let epsilon: Float

  /// Trunk and pyramid. A layer's first block halves rows and columns, except in the first layer.
  func backbone() throws -> Backbone {
    let body = "backbone.body"
    let stem = try convolution("\(body).conv1", norm: "\(body).bn1", stride: 2)
    var layers: [[ResidualBlock]] = []
    for layer in 0..<4 {
      var blocks: [ResidualBlock] = []
      for block in 0..<layout.blocks[layer] {
        blocks.append(try residualBlock(layer: layer, block: block))
      }
      layers.append(blocks)
    }
    return Backbone(
      stem: stem, layers: layers,
      inner: try row("backbone.fpn.inner_blocks", layout.inner),
      outer: try row("backbone.fpn.layer_blocks", layout.outer))
  }

  /// The convolution that carries a block's stride is the 3x3 one: torchvision's way ("ResNet
  /// V1.5"), where the paper's bottleneck has it in the first 1x1.
  private func residualBlock(layer: Int, block: Int) throws -> ResidualBlock {
    let short = "layer\(layer + 1).\(block)"
    let name = "backbone.body.\(short)"
    let stride = layer > 0 && block == 0 ? 2 : 1
    let strides = layout.isBottleneck ? [1, stride, 1] : [stride, 1]
    var branch: [Convolution] = []
    for (index, stride) in strides.enumerated() {
      branch.append(
        try convolution(
          "\(name).conv\(index + 1)", norm: "\(name).bn\(index + 1)", stride: stride,
          groups: layout.isBottleneck && index == 1 ? layout.groups : 1))
    }
    let shortcut =
      layout.hasShortcut(layer: layer, block: block)
      ? try convolution("\(name).downsample.0", norm: "\(name).downsample.1", stride: stride) : nil
    return ResidualBlock(name: short, branch: branch, shortcut: shortcut)
  }

  func rpnHead() throws -> RPNHead {
    RPNHead(
      convolutions: try row("rpn.head.conv", layout.rpn),
      objectness: try convolution("rpn.head.cls_logits"),
      deltas: try convolution("rpn.head.bbox_pred"))
  }

  func boxHead() throws -> BoxHead {
    BoxHead(
      convolutions: try row("roi_heads.box_head", layout.boxConvolutions),
      layers: try layout.boxLayerNames.map(linear),
      classLogits: try linear("roi_heads.box_predictor.cls_score"),
      boxDeltas: try linear("roi_heads.box_predictor.bbox_pred"))
  }

  func maskHead() throws -> MaskHead {
    MaskHead(
      convolutions: try row("roi_heads.mask_head", layout.maskConvolutions),
      upsampling: Convolution(
        weight: try tensor("roi_heads.mask_predictor.conv5_mask.weight"),
        bias: try tensor("roi_heads.mask_predictor.conv5_mask.bias"), stride: 2),
      logits: try convolution("roi_heads.mask_predictor.mask_fcn_logits"))
  }

  /// The layout lists every parameter that is asked for here, so this fails only if the two differ.
  private func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else {
      throw Fault(name, "the parameter is missing", remedy: "Save the whole model again")
    }
    return tensor
  }

  /// A convolution that keeps rows and columns, but for its stride: padding is half the kernel.
  private func convolution(
    _ name: String, norm: String? = nil, stride: Int = 1, groups: Int = 1
  ) throws -> Convolution {
    let weight = try tensor("\(name).weight")  // [O, I / G, K, K]
    return Convolution(
      weight: weight, bias: tensors["\(name).bias"], norm: try norm.map(batchNorm), stride: stride,
      padding: weight.shape[2] / 2, groups: groups)
  }

  private func row(_ name: String, _ row: Layout.Row) throws -> [Convolution] {
    try row.channels.indices.map {
      try convolution("\(name).\($0).0", norm: row.hasNorm ? "\(name).\($0).1" : nil)
    }
  }

  private func batchNorm(_ name: String) throws -> BatchNorm {
    guard try tensor("\(name).running_var").values.allSatisfy({ $0 + epsilon > 0 }) else {
      throw Fault(
        name, "a running variance plus epsilon (\(epsilon)) is not over 0",
        remedy: "Save the weights again, or give the epsilon that they were trained with")
    }
    return BatchNorm(
      weight: try tensor("\(name).weight"), bias: try tensor("\(name).bias"),
      mean: try tensor("\(name).running_mean"), variance: try tensor("\(name).running_var"),
      epsilon: epsilon)
  }

  private func linear(_ name: String) throws -> Linear {
    Linear(weight: try tensor("\(name).weight"), bias: try tensor("\(name).bias"))
  }
}
