import Tensors

// A layout made into the parameter tree of such a network, by which it is loaded, drawn at random
// or only listed: whoever builds it gives each parameter its first value.

/// What gives a parameter its first value.
public typealias InitialValue = (ParameterSlot) throws(Fault) -> Tensor

extension MaskRCNNParameters {
  /// Builds the network that a layout describes.
  ///
  /// - Parameters:
  ///   - normEpsilon: the epsilon of every batch norm
  ///   - initialValue: called for every parameter, in the order of `parameters`
  /// - Throws: what `initialValue` throws
  public init(
    _ layout: Layout, normEpsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    let epsilon = normEpsilon
    backbone = try Backbone(layout, epsilon, initialValue)
    rpnHead = try RPNHead(layout, epsilon, initialValue)
    boxHead = try BoxHead(layout, epsilon, initialValue)
    maskHead = try MaskHead(layout, epsilon, initialValue)
  }
}

extension Layout {
  /// Every parameter and statistic of such a network, in the order of torchvision's `state_dict()`.
  public var slots: [ParameterSlot] {
    var slots: [ParameterSlot] = []
    // The tree that is built of nothing here is thrown away.
    _ = try? MaskRCNNParameters(self, normEpsilon: 0) { slot in
      slots.append(slot)
      return Tensor([0], [])
    }
    return slots
  }
}

extension Backbone {
  /// Trunk and pyramid. A layer's first block halves rows and columns, except in the first layer.
  fileprivate init(
    _ layout: Layout, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    stem = try Convolution(
      ParameterNames.stem, [layout.stemChannels, 3, 7, 7], stride: 2, hasBias: false,
      norm: ParameterNames.stemNorm, epsilon, initialValue)
    layers = []
    for layer in layout.blocks.indices {
      var blocks: [ResidualBlock] = []
      for block in 0..<layout.blocks[layer] {
        blocks.append(try ResidualBlock(layout, layer, block, epsilon, initialValue))
      }
      layers.append(blocks)
    }
    inner = try layout.inner.convolutions(
      ParameterNames.inner, inputs: layout.outputs.suffix(layout.inner.channels.count), kernel: 1,
      epsilon, initialValue)
    outer = try layout.outer.convolutions(
      ParameterNames.outer, inputs: layout.inner.channels, kernel: 3, epsilon, initialValue)
    coarse = []
    guard let inputs = layout.coarseInputs else { return }
    for (index, inputs) in [inputs, layout.pyramidChannels].enumerated() {
      coarse.append(
        try Convolution(
          ParameterNames.coarse(index), [layout.pyramidChannels, inputs, 3, 3], stride: 2,
          hasBias: true, epsilon, initialValue))
    }
  }
}

extension ResidualBlock {
  /// The convolution that carries a block's stride is the 3x3 one: torchvision's way ("ResNet
  /// V1.5"), where the paper's bottleneck has it in the first 1x1.
  fileprivate init(
    _ layout: Layout, _ layer: Int, _ block: Int, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    name = ParameterNames.shortBlock(layer, block)
    let (width, output) = (layout.widths[layer], layout.outputs[layer])
    let input = layout.inputs(layer: layer, block: block)
    let stride = layer > 0 && block == 0 ? 2 : 1
    let first: Shape = layout.isBottleneck ? [width, input, 1, 1] : [width, input, 3, 3]
    let middle: Shape = [width, width / layout.groups, 3, 3]
    let last: Shape = layout.isBottleneck ? [output, width, 1, 1] : [output, width, 3, 3]
    let convolutions =
      layout.isBottleneck
      ? [(first, 1, 1), (middle, stride, layout.groups), (last, 1, 1)]
      : [(first, stride, 1), (last, 1, 1)]
    branch = []
    for (index, (shape, stride, groups)) in convolutions.enumerated() {
      let names = ParameterNames.branch(layer, block, index)
      branch.append(
        try Convolution(
          names.convolution, shape, stride: stride, groups: groups, hasBias: false,
          norm: names.norm, epsilon, initialValue))
    }
    guard layout.hasShortcut(layer: layer, block: block) else { return }
    let names = ParameterNames.shortcut(layer, block)
    shortcut = try Convolution(
      names.convolution, [output, input, 1, 1], stride: stride, hasBias: false, norm: names.norm,
      epsilon, initialValue)
  }
}

extension RPNHead {
  fileprivate init(
    _ layout: Layout, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    let row = layout.rpn
    convolutions = try row.convolutions(
      ParameterNames.rpn, inputs: [layout.pyramidChannels] + row.channels, kernel: 3, epsilon,
      initialValue)
    let channels = row.channels.last ?? layout.pyramidChannels
    objectness = try Convolution(
      ParameterNames.objectness, [layout.anchors, channels, 1, 1], hasBias: true, epsilon,
      initialValue)
    deltas = try Convolution(
      ParameterNames.anchorDeltas, [4 * layout.anchors, channels, 1, 1], hasBias: true, epsilon,
      initialValue)
  }
}

extension BoxHead {
  fileprivate init(
    _ layout: Layout, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    let row = layout.boxConvolutions
    convolutions = try row.convolutions(
      ParameterNames.box, inputs: [layout.pyramidChannels] + row.channels, kernel: 3, epsilon,
      initialValue)
    var features =
      (row.channels.last ?? layout.pyramidChannels)
      * layout.boxBins * layout.boxBins
    layers = []
    for (index, outputs) in layout.boxLayers.enumerated() {
      let name = ParameterNames.boxLayer(
        index, isNamed: layout.boxLayersAreNamed, convolutions: row.channels.count)
      layers.append(try Linear(name, [outputs, features], initialValue))
      features = outputs
    }
    classLogits = try Linear(
      ParameterNames.classLogits, [layout.classes, features], initialValue)
    boxDeltas = try Linear(
      ParameterNames.boxDeltas, [4 * layout.classes, features], initialValue)
  }
}

extension MaskHead {
  fileprivate init(
    _ layout: Layout, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    let (row, bins) = (layout.maskConvolutions, layout.fullyConnectedMaskBins)
    convolutions = try row.convolutions(
      ParameterNames.mask, inputs: [layout.pyramidChannels] + row.channels, kernel: 3,
      covering: bins, epsilon, initialValue)
    let channels = row.channels.last ?? layout.pyramidChannels
    let (name, middle) = (ParameterNames.upsampling, layout.upsamplingChannels)
    let side = bins.map { 2 * $0 } ?? 2
    // A transposed convolution's weight begins with the inputs.
    upsampling = Convolution(
      name: name,
      weight: try initialValue(ParameterSlot(name, .weight, [channels, middle, side, side])),
      bias: try initialValue(ParameterSlot(name, .bias, [middle])), stride: side)
    logits = try Convolution(
      ParameterNames.maskLogits, [layout.classes, middle, 1, 1], hasBias: true, epsilon,
      initialValue)
  }
}

extension Layout.Row {
  /// The row's convolutions, each with as many inputs as `inputs` says.
  ///
  /// - Parameter grid: rows and columns of a grid that the first of them covers whole, without
  ///   padding, so that those behind it are 1x1: fully connected layers; nil for `kernel`
  fileprivate func convolutions(
    _ owner: String, inputs: some Collection<Int>, kernel: Int, covering grid: Int? = nil,
    _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) -> [Convolution] {
    var convolutions: [Convolution] = []
    for (index, (outputs, inputs)) in zip(channels, inputs).enumerated() {
      let names = ParameterNames.row(owner, index)
      let side = grid.map { index == 0 ? $0 : 1 } ?? kernel
      convolutions.append(
        try Convolution(
          names.convolution, [outputs, inputs, side, side], padding: grid == nil ? nil : 0,
          hasBias: hasBias, norm: hasNorm ? names.norm : nil, epsilon, initialValue))
    }
    return convolutions
  }
}

extension Convolution {
  /// A convolution that keeps rows and columns, but for its stride: padding is half the kernel
  /// unless given.
  fileprivate init(
    _ name: String, _ shape: Shape, stride: Int = 1, padding: Int? = nil, groups: Int = 1,
    hasBias: Bool,
    norm: String? = nil, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    let weight = try initialValue(ParameterSlot(name, .weight, shape))
    let bias = hasBias ? try initialValue(ParameterSlot(name, .bias, [shape[0]])) : nil
    var batchNorm: BatchNorm?
    if let norm { batchNorm = try BatchNorm(norm, channels: shape[0], epsilon, initialValue) }
    self.init(
      name: name, weight: weight, bias: bias, norm: batchNorm, stride: stride,
      padding: padding ?? shape[2] / 2, groups: groups)
  }
}

extension BatchNorm {
  fileprivate init(
    _ name: String, channels: Int, _ epsilon: Float, _ initialValue: InitialValue
  ) throws(Fault) {
    self.init(
      name: name, weight: try initialValue(ParameterSlot(name, .normScale, [channels])),
      bias: try initialValue(ParameterSlot(name, .normShift, [channels])),
      mean: try initialValue(ParameterSlot(name, .runningMean, [channels])),
      variance: try initialValue(ParameterSlot(name, .runningVariance, [channels])),
      epsilon: epsilon)
  }
}

extension Linear {
  fileprivate init(
    _ name: String, _ shape: Shape, _ initialValue: InitialValue
  ) throws(Fault) {
    self.init(
      name: name, weight: try initialValue(ParameterSlot(name, .weight, shape)),
      bias: try initialValue(ParameterSlot(name, .bias, [shape[0]])))
  }
}
