import Tensors

extension Layout {
  /// Reads the layout from the shapes of parameters under their new names.
  ///
  /// Several parameters tell each number, and the majority decides: one misshapen parameter is then
  /// found as the one that does not fit, and not the many that do.
  init(shapes: [String: Shape]) {
    let ballot = Ballot(shapes: shapes)
    // A layer to every level of the pyramid, and where there is none, at least one.
    let levels = max(
      ballot.count(of: ParameterNames.inner), ballot.count(of: ParameterNames.outer))
    let layers = max(
      (0..<4).last { ballot.count(of: ParameterNames.layer($0)) > 0 }.map { $0 + 1 } ?? 0,
      min(levels, 4), 1)
    let pyramidLevels = min(levels, layers)
    let blocks = (0..<layers).map { ballot.count(of: ParameterNames.layer($0)) }
    let isBottleneck = (0..<layers).contains { layer in
      (0..<blocks[layer]).contains {
        shapes[ParameterNames.branch(layer, $0, 2).convolution + ".weight"] != nil
      }
    }
    (self.blocks, self.isBottleneck) = (blocks, isBottleneck)
    stemChannels = ballot.elect(
      ballot.outputs(of: (ParameterNames.stem, ParameterNames.stemNorm))
        + [ballot.inputs(of: ParameterNames.branch(0, 0, 0).convolution)])
    var widths: [Int] = []
    var outputs: [Int] = []
    var groups: [Int?] = []
    for layer in 0..<layers {
      var width: [Int?] = []
      var output: [Int?] = []
      for block in 0..<blocks[layer] {
        let branch = (0..<(isBottleneck ? 3 : 2)).map {
          ParameterNames.branch(layer, block, $0)
        }
        for names in branch.dropLast() { width += ballot.outputs(of: names) }
        let last = branch[branch.count - 1]
        width.append(ballot.inputs(of: last.convolution))
        output += ballot.outputs(of: last)
        output += ballot.outputs(of: ParameterNames.shortcut(layer, block))
        if block > 0 { output.append(ballot.inputs(of: branch[0].convolution)) }
      }
      let place = layer - layers + pyramidLevels
      if place >= 0 {
        output.append(
          ballot.inputs(of: ParameterNames.row(ParameterNames.inner, place).convolution))
      }
      widths.append(ballot.elect(width))
      outputs.append(ballot.elect(output))
      for block in 0..<blocks[layer] {
        let perGroup = ballot.inputs(of: ParameterNames.branch(layer, block, 1).convolution)
        groups.append(perGroup.flatMap { widths[layer] % $0 == 0 ? widths[layer] / $0 : nil })
      }
    }
    self.widths = widths
    self.outputs = outputs
    self.groups = isBottleneck ? ballot.elect(groups) : 1

    let pyramid =
      pyramidLevels == 0
      ? outputs.last ?? 1
      : ballot.elect(
        [ParameterNames.inner, ParameterNames.outer].flatMap { part in
          (0..<pyramidLevels).flatMap { ballot.outputs(of: ParameterNames.row(part, $0)) }
        })
    let alike = [Int](repeating: pyramid, count: pyramidLevels)
    inner = ballot.row(ParameterNames.inner, channels: alike)
    outer = ballot.row(ParameterNames.outer, channels: alike)
    // They read the coarsest level of the pyramid where they have as many inputs as it channels,
    // and that of the trunk otherwise.
    coarseInputs =
      ballot.has(ParameterNames.coarse(0)) || ballot.has(ParameterNames.coarse(1))
      ? ballot.inputs(of: ParameterNames.coarse(0)) == pyramid ? pyramid : outputs.last : nil
    rpn = ballot.row(ParameterNames.rpn, atLeast: 1)
    // These convolutions hand on as many channels as they receive.
    rpn.channels = rpn.channels.map { _ in pyramid }
    anchors = ballot.elect(
      ballot.outputs(of: ParameterNames.objectness)
        + ballot.outputs(of: ParameterNames.anchorDeltas).map { $0.map { $0 / 4 } })

    boxConvolutions = ballot.row(ParameterNames.box)
    let convolutions = boxConvolutions.channels.count
    func boxLayer(_ index: Int, isNamed: Bool) -> String {
      ParameterNames.boxLayer(index, isNamed: isNamed, convolutions: convolutions)
    }
    boxLayersAreNamed =
      convolutions == 0
      || (0..<2).contains { ballot.has(boxLayer($0, isNamed: true)) }
    let features = ballot.inputs(of: ParameterNames.classLogits)
    if boxLayersAreNamed {
      boxLayers = [
        ballot.elect(
          ballot.outputs(of: boxLayer(0, isNamed: true))
            + [ballot.inputs(of: boxLayer(1, isNamed: true))]),
        ballot.elect(ballot.outputs(of: boxLayer(1, isNamed: true)) + [features]),
      ]
    } else {
      boxLayers = [ballot.elect(ballot.outputs(of: boxLayer(0, isNamed: false)) + [features])]
      while case let next = boxLayer(boxLayers.count, isNamed: false),
        shapes["\(next).weight"] != nil
      {
        boxLayers.append(ballot.elect(ballot.outputs(of: next)))
      }
    }
    let first = boxLayer(0, isNamed: boxLayersAreNamed)
    let cells = (ballot.inputs(of: first) ?? 0) / (boxConvolutions.channels.last ?? pyramid)
    // Where the cells are no square, the first layer is reported as misshapen.
    boxBins = (1...64).first { $0 * $0 == cells } ?? 7
    maskConvolutions = ballot.row(ParameterNames.mask, atLeast: 1)
    // Fully connected layers cover the RoI whole, and the masks have twice as many rows.
    let side = ballot.extent("\(ParameterNames.row(ParameterNames.mask, 0).convolution).weight", 2)
    let maskSide = ballot.extent("\(ParameterNames.upsampling).weight", 2)
    if let side, side > 3, maskSide == 2 * side { fullyConnectedMaskBins = side }
    upsamplingChannels = ballot.elect([
      ballot.inputs(of: ParameterNames.upsampling),
      ballot.extent("\(ParameterNames.upsampling).bias", 0),
      ballot.inputs(of: ParameterNames.maskLogits),
    ])
    classes = ballot.elect(
      ballot.outputs(of: ParameterNames.classLogits)
        + ballot.outputs(of: ParameterNames.maskLogits)
        + ballot.outputs(of: ParameterNames.boxDeltas).map { $0.map { $0 / 4 } })
  }
}

/// What the shapes determine of a number, and how a number is chosen where they disagree.
private struct Ballot {
  let shapes: [String: Shape]

  /// One extent of a parameter, if it is there and no larger than any network's.
  func extent(_ name: String, _ axis: Int) -> Int? {
    guard let shape = shapes[name], axis < shape.rank, (1...1 << 20).contains(shape[axis]) else {
      return nil
    }
    return shape[axis]
  }

  /// The number of inputs that a layer's weight gives (of a group's, where there are groups).
  func inputs(of layer: String) -> Int? { extent("\(layer).weight", 1) }

  /// The number of outputs that a layer's weight and bias give.
  func outputs(of layer: String) -> [Int?] {
    [extent("\(layer).weight", 0), extent("\(layer).bias", 0)]
  }

  /// As for a layer alone, with what its norm says.
  func outputs(of layer: (convolution: String, norm: String)) -> [Int?] {
    let kinds: [ParameterKind] = [.normScale, .normShift, .runningMean, .runningVariance]
    return outputs(of: layer.convolution)
      + kinds.map { extent("\(layer.norm).\($0.suffix)", 0) }
  }

  /// Whether there is any parameter of a layer.
  func has(_ layer: String) -> Bool { shapes.keys.contains { $0.hasPrefix(layer + ".") } }

  /// The most frequent vote; among equals the first; 1 if there is none.
  func elect(_ votes: [Int?]) -> Int {
    let cast = votes.compactMap { $0 }
    var counts: [Int: Int] = [:]
    for vote in cast { counts[vote, default: 0] += 1 }
    let most = counts.values.max() ?? 0
    return cast.first { counts[$0] == most } ?? 1
  }

  /// How many numbers follow a name: `layer1.0.…`, `layer1.1.…`
  func count(of owner: String) -> Int {
    Set(shapes.keys.compactMap { number(in: $0, after: owner) }).count
  }

  private func number(in name: String, after owner: String) -> Int? {
    guard name.hasPrefix(owner + ".") else { return nil }
    return Int(name.dropFirst(owner.count + 1).prefix { $0 != "." })
  }

  /// A row of convolutions `owner.0.0`, `owner.1.0`, … with norms `owner.0.1`, …
  func row(_ owner: String, channels: [Int]? = nil, atLeast least: Int = 0) -> Layout.Row {
    let suffixes = shapes.keys.filter { $0.hasPrefix(owner + ".") }.map {
      $0.dropFirst(owner.count + 1).split(separator: ".")
    }.filter { $0.count == 3 }
    let numbers = Set(suffixes.compactMap { Int($0[0]) })
    let hasNorm = suffixes.contains { $0[1] == "1" }
    return Layout.Row(
      channels: channels
        ?? (0..<max(numbers.count, least)).map {
          elect(outputs(of: ParameterNames.row(owner, $0)))
        },
      // A convolution without a norm always has a bias.
      hasBias: !hasNorm || suffixes.contains { $0[1] == "0" && $0[2] == "bias" },
      hasNorm: hasNorm)
  }
}
